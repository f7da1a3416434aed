//! What an app may see of a member. Each scope opens the routes the table in `routes.rs` gives it, and no others.

use std::collections::BTreeSet;
use std::fmt;

use diesel::pg::{Pg, PgValue};
use diesel::sql_types::Text;
use serde::{Serialize, Serializer};

shared_kernel::text_enum!(
    /// One thing an app may see.
    Scope {
        /// The member's own cards: numbers, kinds, states, dates; the number as bars.
        Card => "card",
        /// The live code, which earns and spends at a till.
        CardCode => "card:code",
        /// The balances.
        Balance => "balance",
    }
);

impl Scope {
    /// What an app that has it may do, for its makers.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Card => "the member's own cards: numbers, kinds, states, dates; the number as bars",
            Self::CardCode => "the live code, as text and as a picture: it earns and spends at a till",
            Self::Balance => "the balances",
        }
    }
}

/// Some scopes, one at least.
#[derive(Debug, Clone, PartialEq, Eq, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    /// Reads scopes as RFC 6749 §3.3 writes them: names with a blank between them, in any order. `None` when there is
    /// none, or one that doesn't exist.
    pub fn parse(text: &str) -> Option<Self> {
        let scopes = text.split(' ').filter(|word| !word.is_empty()).map(|word| word.parse().ok());
        Self::of(scopes.collect::<Option<BTreeSet<Scope>>>()?)
    }

    /// These; `None` when there is none.
    pub fn of(scopes: impl IntoIterator<Item = Scope>) -> Option<Self> {
        Some(Self(scopes.into_iter().collect())).filter(|scopes| !scopes.0.is_empty())
    }

    /// Whether one is among them.
    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Whether all of these are among others.
    pub fn within(&self, others: &Self) -> bool {
        self.0.is_subset(&others.0)
    }

    /// Those that are among others too; `None` when there is none.
    pub fn common(&self, others: &Self) -> Option<Self> {
        Self::of(self.0.intersection(&others.0).copied())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.0.iter().enumerate() {
            let blank = if place == 0 { "" } else { " " };
            write!(f, "{blank}{scope}")?;
        }
        Ok(())
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl diesel::deserialize::FromSql<Text, Pg> for Scopes {
    fn from_sql(value: PgValue<'_>) -> diesel::deserialize::Result<Self> {
        let text = <String as diesel::deserialize::FromSql<Text, Pg>>::from_sql(value)?;
        Self::parse(&text).ok_or_else(|| format!("unknown scope: {text}").into())
    }
}

impl diesel::serialize::ToSql<Text, Pg> for Scopes {
    fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, Pg>) -> diesel::serialize::Result {
        use std::io::Write;
        write!(out, "{self}")?;
        Ok(diesel::serialize::IsNull::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_in_any_order_and_written_in_one() {
        let scopes = Scopes::parse("balance card:code  card card").unwrap();
        assert_eq!(scopes.to_string(), "card card:code balance");
        for wrong in ["", " ", "card,balance", "card members", "CARD", "card\u{a0}balance"] {
            assert_eq!(Scopes::parse(wrong), None, "{wrong:?}");
        }
        let card = Scopes::parse("card").unwrap();
        assert!(card.within(&scopes) && !scopes.within(&card));
        assert_eq!(scopes.common(&card), Some(card.clone()));
        assert_eq!(Scopes::parse("balance").unwrap().common(&card), None);
        assert!(scopes.contains(Scope::CardCode) && !card.contains(Scope::CardCode), "card is not card:code");
    }
}
