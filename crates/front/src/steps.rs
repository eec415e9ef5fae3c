//! What comes of one step of reading a connection.

use bytes::Bytes;

use crate::error::Row;

pub(crate) enum Fill {
    Data,
    Over,
    Expired,
}

pub(crate) enum Next {
    /// Of this length.
    Head(usize),
    Close,
    Refuse(Row),
}

pub(crate) enum Body {
    Whole(Bytes),
    Refuse(Row),
    Gone,
}
