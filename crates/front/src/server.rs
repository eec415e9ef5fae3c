//! Threads, listeners and the life of a front.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio_rustls::rustls::ServerConfig;

use crate::clock::Clock;
use crate::config::Config;
use crate::hub::{Hub, Inbox, Shared};
use crate::open;
use crate::queue::TooSmall;
use crate::slab::{Broken, Reply};
use crate::tls::{self, Tls};

struct Thread {
    inbox: Arc<Inbox>,
    control: Arc<Notify>,
    handle: JoinHandle<()>,
}

/// A running front. Dropping it ends its connections at once.
pub struct Front {
    pub(crate) shared: Arc<Shared>,
    threads: Mutex<Vec<Thread>>,
    inboxes: Vec<Arc<Inbox>>,
    address: SocketAddr,
    deadline: Arc<Mutex<Option<Instant>>>,
    /// What the next connection is shown; None = in clear.
    secure: Option<Arc<ArcSwap<ServerConfig>>>,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Front")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Front {
    /// Binds `address` and starts serving. `wake` runs on a thread of the front when there is something to drain; it
    /// must not block.
    ///
    /// # Errors
    /// What the operating system says about the address, the threads or the event queue; `InvalidInput` for bounds no
    /// record has room for and for [`tls::Invalid`].
    pub fn start(config: Config, address: SocketAddr, wake: Box<dyn Fn() + Send + Sync>) -> io::Result<Self> {
        let limits = &config.limits;
        if limits.header_bytes > 64 * 1024 || limits.message.batch_messages > 4_096 || config.threads > 64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a limit is out of range",
            ));
        }
        let secure = match &config.tls {
            Some(tls) => {
                let built = tls.build(config.drivers.http2.is_some()).map_err(invalid)?;
                Some(Arc::new(ArcSwap::new(built)))
            }
            None => None,
        };
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let count = config.threads.max(1);
        let shared = Shared::new(config, wake);
        let deadline = Arc::new(Mutex::new(None));
        let mut threads = Vec::with_capacity(count);
        for index in 0..count {
            let listener = listener.try_clone()?;
            let (inbox, control) = (Arc::new(Inbox::default()), Arc::new(Notify::new()));
            let (started, outcome) = mpsc::channel();
            let run = Run {
                shared: Arc::clone(&shared),
                inbox: Arc::clone(&inbox),
                control: Arc::clone(&control),
                deadline: Arc::clone(&deadline),
                secure: secure.clone(),
                index,
            };
            let handle = std::thread::Builder::new()
                .name(format!("ferromcp-front-{index}"))
                .spawn(move || run.run(listener, &started))?;
            threads.push(Thread {
                inbox,
                control,
                handle,
            });
            outcome.recv().map_err(io::Error::other)??;
        }
        let inboxes = threads.iter().map(|thread| Arc::clone(&thread.inbox)).collect();
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
            inboxes,
            address,
            deadline,
            secure,
        })
    }

    /// The address it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Connections that are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Replaces certificates, key and client authorities; handshakes that begin later see the new ones.
    ///
    /// # Errors
    /// `InvalidInput` with [`tls::Invalid`], and for a front in clear; nothing has changed then.
    pub fn set_tls(&self, tls: &Tls) -> io::Result<()> {
        let Some(secure) = &self.secure else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the front serves in clear",
            ));
        };
        let http2 = self.shared.config.drivers.http2.is_some();
        secure.store(tls.build(http2).map_err(invalid)?);
        Ok(())
    }

    /// Takes request records; see [`crate::Queue::drain_into`].
    ///
    /// # Errors
    /// [`TooSmall`] when `slab` might not take one record.
    pub fn drain_into(&self, slab: &mut [u8]) -> Result<usize, TooSmall> {
        self.shared.queue.drain_into(slab)
    }

    /// The detached body of a drained request, once.
    #[must_use]
    pub fn take_body(&self, token: u64) -> Option<Bytes> {
        self.shared.queue.take_body(token)
    }

    /// Sends a slab of replies on its way; records of exchanges that are over are dropped.
    ///
    /// # Errors
    /// [`Broken`] at the first bad record; those before it were taken.
    pub fn reply(&self, slab: &[u8]) -> Result<(), Broken> {
        let count = self.inboxes.len() as u64;
        let mut batches: Vec<Vec<Reply>> = vec![Vec::new(); self.inboxes.len()];
        let outcome = Reply::decode_all(slab, |reply| {
            let index = usize::try_from(reply.token % count).unwrap_or(0);
            if let Some(batch) = batches.get_mut(index) {
                batch.push(reply);
            }
        });
        for (inbox, batch) in self.inboxes.iter().zip(batches) {
            if !batch.is_empty() {
                inbox.put(batch);
            }
        }
        outcome
    }

    /// Accepts no connection from now on, ends idle ones and lets running requests finish until `wait` has passed.
    /// Returns at once; [`Front::join`] waits.
    pub fn drain(&self, wait: Duration) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + wait);
        self.shared.draining.store(true, Ordering::Relaxed);
        for thread in self.lock_threads().iter() {
            thread.control.notify_one();
        }
    }

    /// Waits until every thread has ended; [`Front::drain`] must have been called.
    pub fn join(&self) {
        let threads = std::mem::take(&mut *self.lock_threads());
        for thread in threads {
            // A thread that has panicked has ended as well.
            let _ = thread.handle.join();
        }
    }

    fn lock_threads(&self) -> std::sync::MutexGuard<'_, Vec<Thread>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.drain(Duration::ZERO);
        self.join();
    }
}

fn invalid(error: tls::Invalid) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

struct Run {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    control: Arc<Notify>,
    deadline: Arc<Mutex<Option<Instant>>>,
    secure: Option<Arc<ArcSwap<ServerConfig>>>,
    index: usize,
}

impl Run {
    fn run(self, listener: TcpListener, started: &mpsc::Sender<io::Result<()>>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = started.send(Err(error));
                return;
            }
        };
        let local = LocalSet::new();
        local.block_on(&runtime, async move {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    let _ = started.send(Ok(()));
                    self.serve(listener).await;
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            }
        });
    }

    async fn serve(self, listener: tokio::net::TcpListener) {
        let hub = Hub::new(Arc::clone(&self.shared), Arc::clone(&self.inbox), self.index);
        let open = Rc::new(Notify::new());
        let delivering = Rc::clone(&hub);
        spawn_local(async move {
            loop {
                delivering.inbox.notify.notified().await;
                delivering.deliver();
            }
        });
        let ticking = Rc::clone(&hub);
        let check = hub.config().limits.check.max(Duration::from_millis(1));
        spawn_local(async move {
            loop {
                tokio::time::sleep(check).await;
                ticking.tick();
            }
        });
        let accepting = spawn_local(accept(listener, self.secure, Rc::clone(&hub), Rc::clone(&open)));
        self.control.notified().await;
        accepting.abort();
        let _ = accepting.await;
        hub.clocks.wake_all();
        while !hub.clocks.is_empty() {
            // It may be brought forward.
            let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let left = deadline.unwrap_or(now).saturating_duration_since(now);
            if left.is_zero() {
                break;
            }
            let _ = tokio::time::timeout(left.min(check), open.notified()).await;
        }
    }
}

async fn accept(
    listener: tokio::net::TcpListener,
    secure: Option<Arc<ArcSwap<ServerConfig>>>,
    hub: Rc<Hub>,
    closed: Rc<Notify>,
) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of file descriptors, most likely: they come back when connections end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let place = Place::take(&hub, &closed);
        let Some(place) = place else { continue };
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let secure = secure.as_ref().map(|config| config.load_full());
        let serving = open::serve(stream, peer, secure, Rc::clone(&hub), Rc::clone(&place.clock));
        spawn_local(async move {
            serving.await;
            drop(place);
        });
    }
}

/// One of the connections a front may have.
struct Place {
    hub: Rc<Hub>,
    key: u64,
    clock: Rc<Clock>,
    closed: Rc<Notify>,
}

impl Place {
    fn take(hub: &Rc<Hub>, closed: &Rc<Notify>) -> Option<Self> {
        let open = &hub.shared.connections;
        if open.fetch_add(1, Ordering::Relaxed) >= hub.config().limits.connections {
            open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        let (key, clock) = hub.clocks.add();
        Some(Self {
            hub: Rc::clone(hub),
            key,
            clock,
            closed: Rc::clone(closed),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.clocks.remove(self.key);
        self.hub.shared.connections.fetch_sub(1, Ordering::Relaxed);
        self.closed.notify_one();
    }
}
