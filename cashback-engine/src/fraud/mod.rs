//! The fraud watch: thresholds that finance sets, purchases beyond them held back (never refused), and the queue of
//! those who decide. What is counted stands in one row a member or cashier and day; nothing is looked for in purchases.
//!
//! | module | what it holds |
//! |---|---|
//! | [`settings`] | the rules' thresholds, part of the book |
//! | `tally` | what was counted, read once a batch |
//! | `watch` | whether a purchase strikes a rule; pure |
//! | [`cases`] | the queue: released, held, or taken back |

pub mod cases;
pub mod settings;
pub(crate) mod tally;
pub(crate) mod watch;

pub use tally::sweep;

use shared_kernel::id_type;
use shared_kernel::text_enum;

id_type!(
    /// A purchase that struck a rule of the fraud watch.
    FraudCaseId
);

text_enum! {
    /// What is watched.
    FraudRule {
        /// Purchases of a member a day: how many, and how much in all.
        CardDay => "card_day",
        /// Purchases a cashier posts a day, the claims they approve among them.
        CashierDay => "cashier_day",
        /// Purchases by the bare number, of a member a day.
        BareNumber => "bare_number",
        /// Purchases of one whose purchases came back often.
        RefundCycling => "refund_cycling",
        /// One member in two towns within minutes.
        TwoTowns => "two_towns",
        /// Many purchases of a cashier within minutes, at hours (closing time).
        ClosingBurst => "closing_burst",
        /// The cashier's own card.
        OwnCard => "own_card",
    }
}

text_enum! {
    /// What a rule does with a purchase that strikes it.
    FraudAction {
        /// Its cashback is held back until somebody decides.
        Hold => "hold",
        /// It is shown to finance, and nothing else.
        Watch => "watch",
    }
}

text_enum! {
    /// How a purchase's check stands; kept with the purchase.
    Check {
        /// Its cashback is held back.
        Held => "held",
        /// It was held back, and goes on by its dates.
        Released => "released",
        /// Its cashback was taken back.
        Blocked => "blocked",
    }
}
