//! Services the program brings itself when no address is given.

pub mod postgres;
