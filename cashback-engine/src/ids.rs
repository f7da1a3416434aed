//! The engine's own identifiers, and how those of one transaction are made: from the transaction's `now`, so that a
//! row's month can be told from its identifier, and in the order of posting.

use chrono::{DateTime, Utc};
use shared_kernel::id_type;
use shared_kernel::ids::Uuid;

id_type!(
    /// A partner: whoever sells to members and gives cashback.
    PartnerId
);
id_type!(
    /// A purchase, known by its receipt to the partner.
    PurchaseId
);
id_type!(
    /// A posting: a set of transfers.
    PostingId
);
id_type!(
    /// A rule over all its versions.
    RuleId
);
id_type!(
    /// A partner's register that was loaded.
    RegisterId
);

/// Makes identifiers of one instant, each above the one before.
#[derive(Debug)]
pub(crate) struct Mint {
    millisecond: u64,
    ordinal: u16,
}

/// How many identifiers fit one millisecond's 12 bits of order.
const ORDINALS: u16 = 4096;

impl Mint {
    pub(crate) fn at(now: DateTime<Utc>) -> Self {
        // Four identifiers a microsecond: transactions of one millisecond keep their order unless they are large.
        let microsecond = u16::try_from(now.timestamp_subsec_micros() % 1_000).unwrap_or(0);
        Self { millisecond: u64::try_from(now.timestamp_millis()).unwrap_or(0), ordinal: microsecond * 4 }
    }

    /// The next identifier; its last bit is 0, so that an identifier plus one is free for a second part of the same.
    pub(crate) fn next(&mut self) -> Uuid {
        if self.ordinal == ORDINALS {
            self.millisecond += 1;
            self.ordinal = 0;
        }
        let random = Uuid::new_v4().as_u128() & 0x3fff_ffff_ffff_fffe;
        let bits = (u128::from(self.millisecond) << 80)
            | (7u128 << 76)
            | (u128::from(self.ordinal) << 64)
            | (0b10u128 << 62)
            | random;
        self.ordinal += 1;
        Uuid::from_u128(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_rise_and_carry_their_instant() {
        let now = DateTime::from_timestamp(1_795_000_000, 123_000_000).unwrap();
        let mut mint = Mint::at(now);
        let made: Vec<Uuid> = (0..10_000).map(|_| mint.next()).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(made[0].get_version_num(), 7);
        assert_eq!(made[0].get_timestamp().unwrap().to_unix(), (1_795_000_000, 123_000_000));
    }
}
