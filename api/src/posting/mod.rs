//! Purchases on their way into the ledger: a bounded queue, two posting threads, one commit for all that one of them finds queued.
//!
//! | module | what it holds |
//! |---|---|
//! | [`order`] | a purchase as asked for, not yet judged |
//! | [`identify`] | from what was shown at the till to the member who buys |
//! | [`again`] | the same for purchases that are in the ledger already |
//! | [`batch`] | one transaction for many orders |
//! | [`sellers`] | which members the cashiers themselves are |
//! | [`queue`] | the queue, the thread and the answers |

pub mod again;
pub mod batch;
pub mod identify;
pub mod order;
pub mod queue;
pub mod sellers;

pub use order::{Answer, Asker, Credential, Order};
pub use queue::PostingQueue;
