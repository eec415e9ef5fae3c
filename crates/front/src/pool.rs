//! Buffers that go from one connection of a thread to the next, so that silent connections hold none.

use std::cell::RefCell;

use bytes::BytesMut;

/// Buffers kept.
const KEPT: usize = 32;
/// Larger ones are not kept.
const LARGEST: usize = 16 * 1024;

/// Buffers nobody uses.
#[derive(Debug, Default)]
pub struct Pool(RefCell<Vec<BytesMut>>);

impl Pool {
    /// A buffer for an empty one that has no memory of its own.
    pub fn fill(&self, buffer: &mut BytesMut) {
        if buffer.capacity() == 0
            && let Some(kept) = self.0.borrow_mut().pop()
        {
            *buffer = kept;
        }
    }

    /// Takes the memory of a buffer that is empty.
    pub fn empty(&self, buffer: &mut BytesMut) {
        if buffer.is_empty() && buffer.capacity() > 0 {
            let mut buffer = std::mem::take(buffer);
            let mut kept = self.0.borrow_mut();
            // What was read from the front comes back with this; a buffer that is shared does not.
            if kept.len() < KEPT && buffer.try_reclaim(1) && buffer.capacity() <= LARGEST {
                buffer.clear();
                kept.push(buffer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_goes_around() {
        let pool = Pool::default();
        let mut buffer = BytesMut::with_capacity(4_096);
        buffer.extend_from_slice(b"abc");
        pool.empty(&mut buffer);
        assert_eq!(buffer, b"abc".as_slice());
        bytes::Buf::advance(&mut buffer, 3);
        pool.empty(&mut buffer);
        assert_eq!((buffer.capacity(), pool.0.borrow().len()), (0, 1));
        pool.fill(&mut buffer);
        assert!(buffer.is_empty() && buffer.capacity() > 0 && pool.0.borrow().is_empty());
        let mut large = BytesMut::with_capacity(LARGEST + 1);
        pool.empty(&mut large);
        assert_eq!((large.capacity(), pool.0.borrow().len()), (0, 0));
        for _ in 0..2 * KEPT {
            pool.empty(&mut BytesMut::with_capacity(100));
        }
        assert_eq!(pool.0.borrow().len(), KEPT);
    }
}
