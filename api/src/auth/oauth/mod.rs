//! Other people's wallets: apps of banks and aggregators that show a member's card with the member's consent (OAuth 2.1,
//! authorization code with PKCE).
//!
//! | module | what it holds |
//! |---|---|
//! | [`apps`] | who they are: registered by an administrator, with their addresses and what they may ask for |
//! | [`scopes`] | what can be asked for |
//! | [`request`] | what an app asks at the authorization endpoint, and where the answer goes |
//! | [`grants`] | a member's consent, its codes and tokens, and its end |

pub mod apps;
pub mod grants;
pub mod request;
pub mod scopes;

pub use scopes::{Scope, Scopes};
