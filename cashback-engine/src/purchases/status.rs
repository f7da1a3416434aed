//! How a purchase and its cashback stand, and why there is none, or less.

use shared_kernel::text_enum;

text_enum! {
    /// How a purchase stands.
    PurchaseStatus {
        /// Posted.
        Posted => "posted",
        /// Redemption reserved, nothing else posted.
        Authorized => "authorized",
        /// Given up before it was captured.
        Voided => "voided",
        /// All of it came back.
        Refunded => "refunded",
        /// Part of it came back.
        PartlyRefunded => "partly_refunded",
    }
}

impl PurchaseStatus {
    /// Whether it was posted, whatever came back since.
    pub fn is_posted(self) -> bool {
        matches!(self, Self::Posted | Self::Refunded | Self::PartlyRefunded)
    }
}

text_enum! {
    /// How a purchase's cashback stands.
    CashbackStatus {
        /// There is none (left).
        None => "none",
        /// Inside the return window, or announced by an authorised purchase.
        Pending => "pending",
        /// Released; it may have been spent or expired since.
        Available => "available",
        /// Held back until somebody decides.
        Held => "held",
    }
}

text_enum! {
    /// Why a purchase brought no cashback, or less.
    CashbackReason {
        /// The member isn't in the programme.
        NotEnrolled => "not_enrolled",
        /// The member left the programme.
        LeftProgramme => "left_programme",
        /// The partner had no rule in force.
        NoRule => "no_rule",
        /// No rule in force applied.
        NoRuleApplied => "no_rule_applied",
        /// A cap or budget trimmed it.
        CapReached => "cap_reached",
        /// The family card had earned as often as it may.
        CardLimit => "card_limit",
        /// It would have been more than was paid.
        PaidReached => "paid_reached",
        /// It is held back while the purchase is being checked.
        HeldForCheck => "held_for_check",
        /// It was taken back: the purchase was found to break the programme's rules.
        TakenBack => "taken_back",
    }
}

impl CashbackReason {
    /// Whether rules were asked at all: who isn't in the programme, or whose card has earned
    /// enough, gets nothing whatever they say.
    pub(crate) fn is_of_rules(self) -> bool {
        match self {
            Self::NotEnrolled | Self::LeftProgramme | Self::CardLimit => false,
            Self::NoRule
            | Self::NoRuleApplied
            | Self::CapReached
            | Self::PaidReached
            | Self::HeldForCheck
            | Self::TakenBack => true,
        }
    }
}
