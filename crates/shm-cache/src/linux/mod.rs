//! What only Linux has: memory that cannot be truncated, and how processes find it.

pub mod meeting;
pub mod memory;
pub mod room;
