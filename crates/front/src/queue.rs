//! The bounded queue to the consumer.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::slab::{MIN_SLAB, RecordKind, Request};

/// How much may wait for the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Requests.
    pub requests: usize,
    /// Bytes of their records and detached bodies, those not yet taken included.
    pub bytes: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            requests: 4_096,
            bytes: 64 * 1024 * 1024,
        }
    }
}

/// The queue is at its capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// The slab is smaller than [`MIN_SLAB`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSmall;

/// Requests for the consumer. `wake` runs when there is something to drain, and not again before the queue was drained
/// to its end.
pub struct Queue {
    inner: Mutex<Inner>,
    capacity: Capacity,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Request>,
    /// Requests in `waiting` that count: all but the ends of others, which must never be lost.
    requests: usize,
    bytes: usize,
    bodies: HashMap<u64, Bytes>,
    signalled: bool,
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Queue")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

impl Queue {
    /// An empty queue; `wake` must not block and must not call the queue.
    #[must_use]
    pub fn new(capacity: Capacity, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self {
            inner: Mutex::default(),
            capacity,
            wake,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code that runs under the lock leaves it half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request.
    ///
    /// # Errors
    /// [`Busy`] when the queue is at its capacity.
    pub fn push(&self, request: Request) -> Result<(), Busy> {
        let mut inner = self.lock();
        let counted = request.kind != RecordKind::Gone;
        if counted {
            let bytes = inner.bytes.saturating_add(request.weight());
            if inner.requests >= self.capacity.requests || bytes > self.capacity.bytes {
                return Err(Busy);
            }
            inner.bytes = bytes;
            inner.requests += 1;
        }
        inner.waiting.push_back(request);
        let first = !std::mem::replace(&mut inner.signalled, true);
        drop(inner);
        if first {
            (self.wake)();
        }
        Ok(())
    }

    /// Writes as many records to `slab` as it has room for and returns the bytes written. 0 means that the queue is
    /// empty; only then `wake` will run again.
    ///
    /// # Errors
    /// [`TooSmall`] when `slab` might not take one record.
    pub fn drain_into(&self, slab: &mut [u8]) -> Result<usize, TooSmall> {
        if slab.len() < MIN_SLAB {
            return Err(TooSmall);
        }
        let mut inner = self.lock();
        let mut at = 0;
        while let Some(request) = inner.waiting.front() {
            let Some(size) = slab.get_mut(at..).and_then(|room| request.encode(room)) else {
                break;
            };
            at += size;
            let Some(request) = inner.waiting.pop_front() else {
                break;
            };
            if request.kind == RecordKind::Gone {
                inner
                    .bodies
                    .remove(&request.token)
                    .inspect(|body| inner.bytes -= body.len());
                continue;
            }
            inner.requests -= 1;
            if request.detached() {
                inner.bytes -= request.size();
                inner.bodies.insert(request.token, request.body);
            } else {
                inner.bytes -= request.weight();
            }
        }
        if at == 0 {
            inner.signalled = false;
        }
        Ok(at)
    }

    /// The detached body of a drained request, once.
    #[must_use]
    pub fn take_body(&self, token: u64) -> Option<Bytes> {
        let mut inner = self.lock();
        let body = inner.bodies.remove(&token)?;
        inner.bytes -= body.len();
        Some(body)
    }

    /// Forgets the body of an exchange that is over.
    pub fn drop_body(&self, token: u64) {
        drop(self.take_body(token));
    }

    /// Requests that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::INLINE;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn queue(requests: usize, bytes: usize) -> (Queue, Arc<AtomicUsize>) {
        let wakes = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&wakes);
        let wake = Box::new(move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        (Queue::new(Capacity { requests, bytes }, wake), wakes)
    }

    fn message(token: u64, length: usize) -> Request {
        Request {
            kind: RecordKind::Message,
            body: vec![b'x'; length].into(),
            ..Request::gone(token)
        }
    }

    #[test]
    fn one_signal_until_drained_to_the_end() {
        let (queue, wakes) = queue(10, 1_000_000);
        for token in 0..4 {
            queue.push(message(token, 60_000)).expect("room");
        }
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        let mut slab = vec![0; MIN_SLAB];
        let first = queue.drain_into(&mut slab).expect("large enough");
        assert!(first > 0 && first <= MIN_SLAB);
        queue.push(message(9, 1)).expect("room");
        assert_eq!(wakes.load(Ordering::SeqCst), 1);
        let mut tokens = Vec::new();
        while let Ok(size @ 1..) = queue.drain_into(&mut slab) {
            let mut at = 0;
            while at < size {
                let (request, length) = Request::decode(&slab[at..size]).expect("sound");
                tokens.push(request.token);
                at += length;
            }
        }
        assert_eq!(tokens, [3, 9]);
        queue.push(message(10, 1)).expect("room");
        assert_eq!(wakes.load(Ordering::SeqCst), 2);
        assert_eq!(queue.drain_into(&mut [0; 100]), Err(TooSmall));
    }

    #[test]
    fn bounds_hold_and_ends_always_pass() {
        let (queue, _) = queue(2, 1_000_000);
        queue.push(message(1, 1)).expect("room");
        queue.push(message(2, 1)).expect("room");
        assert_eq!(queue.push(message(3, 1)), Err(Busy));
        queue.push(Request::gone(1)).expect("always");
        let mut slab = vec![0; MIN_SLAB];
        assert!(queue.drain_into(&mut slab).expect("large enough") > 0);
        queue.push(message(4, 1)).expect("room again");
    }

    #[test]
    fn detached_bodies_count_until_they_are_taken_or_their_peer_is_gone() {
        let (queue, _) = queue(10, INLINE + 1_000);
        let mut slab = vec![0; MIN_SLAB];
        for taken in [true, false, true] {
            queue.push(message(1, INLINE)).expect("room");
            assert_eq!(queue.push(message(2, 1_000)), Err(Busy));
            queue.drain_into(&mut slab).expect("large enough");
            assert_eq!(queue.push(message(2, 1_000)), Err(Busy));
            if taken {
                assert_eq!(queue.take_body(1).map(|body| body.len()), Some(INLINE));
            } else {
                queue.push(Request::gone(1)).expect("always");
                queue.drain_into(&mut slab).expect("large enough");
            }
            assert_eq!(queue.take_body(1), None);
            assert_eq!(queue.lock().bytes, 0);
        }
    }
}
