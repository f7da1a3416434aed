//! Accounts: numbers inside, `kind:owner` outside.

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgConnection, PgValue};
use diesel::prelude::*;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Integer;
use diesel::{deserialize, deserialize::FromSql};
use shared_kernel::text_enum;

use crate::schema::ledger::accounts;

text_enum! {
    /// What an account holds.
    AccountKind {
        /// A member's cashback inside the return window.
        Pending => "pending",
        /// A member's cashback that can be spent.
        Available => "available",
        /// Held for a redemption or payout.
        Reserved => "reserved",
        /// Taken back after it was spent.
        Debt => "debt",
        /// What a partner owes the union.
        Receivable => "receivable",
        /// Cashback paid out of an organisation's budget.
        Funding => "funding",
        /// The union's commission.
        Commission => "commission",
        /// Tax on it.
        Vat => "vat",
        /// Expired unspent.
        Breakage => "breakage",
        /// Given to the aid fund.
        Solidarity => "solidarity",
        /// Sent, not yet confirmed.
        Payouts => "payouts",
        /// Confirmed by statements.
        Bank => "bank",
        /// Received, not yet known for what.
        Suspense => "suspense",
        /// Approved corrections.
        Adjustments => "adjustments",
        /// Bank fees.
        Expenses => "expenses",
        /// Written off.
        Losses => "losses",
    }
}

text_enum! {
    /// The side an account's balance is normally on.
    Normal {
        /// Debits raise it.
        Debit => "debit",
        /// Credits raise it.
        Credit => "credit",
        /// Either; shown as credits less debits.
        Either => "either",
    }
}

impl AccountKind {
    /// The side its balance is normally on.
    pub fn normal(self) -> Normal {
        match self {
            Self::Debt | Self::Receivable | Self::Funding | Self::Bank | Self::Expenses | Self::Losses => {
                Normal::Debit
            }
            Self::Suspense | Self::Adjustments => Normal::Either,
            _ => Normal::Credit,
        }
    }

    /// Whether it is one of a member's four.
    pub fn is_members(self) -> bool {
        matches!(self, Self::Pending | Self::Available | Self::Reserved | Self::Debt)
    }
}

/// An account's number. A member's four have the same numbers for all; the transfer says whose they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Integer)]
pub struct Account(pub i32);

impl Account {
    /// A member's `pending`.
    pub const PENDING: Self = Self(1);
    /// A member's `available`.
    pub const AVAILABLE: Self = Self(2);
    /// A member's `reserved`.
    pub const RESERVED: Self = Self(3);
    /// A member's `debt`.
    pub const DEBT: Self = Self(4);
    /// The union's `commission`.
    pub const COMMISSION: Self = Self(11);
    /// The union's `breakage`.
    pub const BREAKAGE: Self = Self(13);
    /// The union's `solidarity`.
    pub const SOLIDARITY: Self = Self(14);
    /// The union's `payouts`.
    pub const PAYOUTS: Self = Self(15);
    /// The union's `adjustments`.
    pub const ADJUSTMENTS: Self = Self(18);
    /// The union's `losses`.
    pub const LOSSES: Self = Self(20);

    /// Whether it is one of a member's four.
    pub fn is_members(self) -> bool {
        (Self::PENDING..=Self::DEBT).contains(&self)
    }
}

impl FromSql<Integer, Pg> for Account {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <i32 as FromSql<Integer, Pg>>::from_sql(value).map(Self)
    }
}

impl ToSql<Integer, Pg> for Account {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <i32 as ToSql<Integer, Pg>>::to_sql(&self.0, out)
    }
}

/// Locks accounts that are sums, in the order of their numbers, for whoever must see what they hold and change it; who
/// buys and refunds never waits for this.
pub(crate) fn lock(connection: &mut PgConnection, of: &[Account]) -> QueryResult<()> {
    accounts::table
        .filter(accounts::id.eq_any(of))
        .order(accounts::id)
        .select(accounts::id)
        .for_no_key_update()
        .load::<Account>(connection)?;
    Ok(())
}
