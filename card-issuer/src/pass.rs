//! Cards in the wallets of phones. A wallet holds the bare number or codes of its own; it never learns whose card it is.
//!
//! | module | what it holds |
//! |---|---|
//! | [`apple`] | a pass of Apple's kind: its content, pictures, signature, all in one file |

pub mod apple;
