//! Connections and what serves them.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;

use bytes::BytesMut;

use crate::clock::Clock;
use crate::h1;
use crate::h2;
use crate::hub::Hub;
use crate::stream::Stream;
use crate::tls::Certificate;

/// The life of a connection.
pub type Serving = Pin<Box<dyn Future<Output = ()>>>;

/// Serves connections in one protocol. A front has one driver per protocol ([`Drivers`]) that can be exchanged.
pub trait Driver: fmt::Debug + Send + Sync {
    /// Serves one connection to its end.
    fn serve(&self, incoming: Incoming) -> Serving;
}

/// A connection whose protocol is known.
#[derive(Debug)]
pub struct Incoming {
    pub(crate) stream: Stream,
    /// What was read already.
    pub(crate) input: BytesMut,
    pub(crate) peer: SocketAddr,
    pub(crate) certificate: Option<Rc<Certificate>>,
    pub(crate) hub: Rc<Hub>,
    pub(crate) clock: Rc<Clock>,
}

/// HTTP/1.1 on httparse.
#[derive(Clone, Copy, Debug)]
pub struct Http1;

impl Driver for Http1 {
    fn serve(&self, incoming: Incoming) -> Serving {
        Box::pin(h1::Connection::new(incoming).serve())
    }
}

/// HTTP/2 on h2.
#[derive(Clone, Copy, Debug)]
pub struct Http2;

impl Driver for Http2 {
    fn serve(&self, incoming: Incoming) -> Serving {
        Box::pin(h2::serve(incoming))
    }
}

/// The drivers of a front.
#[derive(Clone, Copy, Debug)]
pub struct Drivers {
    /// Serves HTTP/1.1.
    pub http1: &'static dyn Driver,
    /// Serves HTTP/2; None = it is not spoken.
    pub http2: Option<&'static dyn Driver>,
}

impl Default for Drivers {
    fn default() -> Self {
        Self {
            http1: &Http1,
            http2: Some(&Http2),
        }
    }
}
