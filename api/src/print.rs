//! Plastic, composed of what three places know: whose card waits (cards), the holder's name (registry), how the
//! organisation's cards look (designs). The command line and the API go the same way.
//!
//! | module | what it does |
//! |---|---|
//! | [`claim`] | waiting cards of a subtree into a batch |
//! | [`designs`] | whose design a card gets |
//! | [`holders`] | the rows of a batch with names |
//! | [`files`] | faces, print files, personalisation tables, sums: streamed, restartable |
//! | [`drawing`] | the thread that makes them for the API |
//! | [`orders`] | plastic for a whole organisation |
//! | [`previews`] | what a stored design looks like |

pub mod claim;
pub mod designs;
pub mod drawing;
pub mod files;
pub mod holders;
pub mod orders;
pub mod previews;
