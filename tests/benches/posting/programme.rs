//! A programme to post into: partners with ten rules each, members who take part, purchases by number.

use std::ops::Range;

use cashback_engine::partners::{self, NewOutlet, NewPartner};
use cashback_engine::posting::{
    self, Audience, Buyer, CardStanding, Posted, Presented, Refusal, Sale, Source,
};
use cashback_engine::rules::BookCache;
use cashback_engine::{PartnerId, enrolments};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use harness::TestDatabase;
use shared_kernel::clock::Clock;
use shared_kernel::db::by_key;
use shared_kernel::ids::{CardId, MemberId, Uuid};
use shared_kernel::money::{Money, Rate};

/// Partners beside the first.
const OTHERS: usize = 100;
/// Members enrolled in a statement.
const ENROLLED_AT_ONCE: usize = 5_000;

/// Whose outlets the purchases are of.
#[derive(Clone, Copy)]
pub enum Partners {
    /// One hot partner's.
    One,
    /// A hundred partners' in turn.
    Hundred,
    /// The same, all bought by one hot member.
    HundredForOne,
}

/// A programme in its own database.
pub struct Programme {
    /// The database.
    pub database: TestDatabase,
    /// Members who take part.
    pub members: Vec<MemberId>,
    clock: Clock,
    books: BookCache,
    hot: PartnerId,
    others: Vec<PartnerId>,
}

/// The member of a purchase.
pub fn member_of(number: u64, members: &[MemberId]) -> MemberId {
    members[(number as usize).wrapping_mul(7_919) % members.len()]
}

/// What a purchase comes to: 100.00 to 5,100.00.
pub fn kopecks_of(number: u64) -> i64 {
    10_000 + (number.wrapping_mul(7_919) % 500_000) as i64
}

/// Enrols members, as of long ago.
pub fn enrol(connection: &mut PgConnection, members: &[MemberId], now: DateTime<Utc>) {
    let joined = now - TimeDelta::days(400);
    for some in members.chunks(ENROLLED_AT_ONCE) {
        enrolments::enrol_many(connection, some, "1", "bench", joined).expect("members can be enrolled");
    }
}

impl Programme {
    /// One hot partner and a hundred others, each with one outlet (its code) and ten rules.
    pub fn new(member_count: usize) -> Self {
        let database = harness::database();
        let mut connection = database.connect();
        let clock = Clock::system();
        let now = clock.now();
        let hot = partner(&mut connection, "hot", now);
        let others = (0..OTHERS).map(|i| partner(&mut connection, &code_of(i), now)).collect();
        let members: Vec<MemberId> = (0..member_count).map(|_| MemberId::generate()).collect();
        enrol(&mut connection, &members, now);
        Self { database, members, clock, books: BookCache::default(), hot, others }
    }

    /// Posts purchases in one transaction; none is refused.
    pub fn post(&self, connection: &mut PgConnection, partners: Partners, numbers: Range<u64>) {
        let now = self.now();
        let sales = self.sales(partners, numbers, now);
        by_key(connection, |connection| self.posted(connection, &sales, now))
            .expect("the batch can be posted");
    }

    /// The time here.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The purchases of these numbers.
    pub fn sales(&self, partners: Partners, numbers: Range<u64>, now: DateTime<Utc>) -> Vec<Sale> {
        numbers.map(|number| self.sale(partners, number, now)).collect()
    }

    /// Posts purchases in the caller's transaction; none is refused. Their ids.
    pub fn posted(
        &self,
        connection: &mut PgConnection,
        sales: &[Sale],
        now: DateTime<Utc>,
    ) -> QueryResult<Vec<Uuid>> {
        let answers = posting::post(connection, &self.books, sales, now)?;
        let id = |answer: Result<Posted, Refusal>| match answer {
            Ok(Posted { purchase, replayed: false, .. }) => purchase.id.0,
            _ => panic!("a new purchase is posted"),
        };
        Ok(answers.into_iter().map(id).collect())
    }

    fn sale(&self, partners: Partners, number: u64, now: DateTime<Utc>) -> Sale {
        let (partner, outlet) = match partners {
            Partners::One => (self.hot, "hot".to_owned()),
            Partners::Hundred | Partners::HundredForOne => {
                let which = number as usize % OTHERS;
                (self.others[which], code_of(which))
            }
        };
        let member = match partners {
            Partners::HundredForOne => member_of(0, &self.members),
            Partners::One | Partners::Hundred => member_of(number, &self.members),
        };
        Sale {
            partner,
            outlet,
            receipt: format!("R-{number:09}"),
            occurred_at: now,
            amount: Money::from_kopecks(kopecks_of(number)),
            lines: None,
            redeem: Money::ZERO,
            fiscal: None,
            capture: true,
            presented: Presented::LiveCode,
            buyer: Buyer {
                limits: None,
                member,
                card: Some(CardId(member.0)),
                card_standing: CardStanding::Valid,
                audience: Audience::default(),
            },
            source: Source::Api,
            posted_by: Uuid::nil(),
            by_hand: false,
        }
    }
}

fn code_of(which: usize) -> String {
    format!("partner-{which}")
}

fn partner(connection: &mut PgConnection, code: &str, now: DateTime<Utc>) -> PartnerId {
    let new = NewPartner {
        code: code.to_owned(),
        name: code.to_owned(),
        commission_rate: Rate::from_millionths(20_000),
        redeem_share: Rate::from_millionths(500_000),
        redeem_least: Money::ZERO,
        fiscal_counts_points: false,
    };
    let partner = partners::create(connection, &new, now).expect("the partner is right").id;
    let outlet = NewOutlet {
        code: code.to_owned(),
        name: code.to_owned(),
        town: "Москва".to_owned(),
        zone: "Europe/Moscow".to_owned(),
    };
    partners::add_outlet(connection, partner, &outlet, now).expect("the outlet is right");
    crate::rules::approve(connection, code, now);
    partner
}
