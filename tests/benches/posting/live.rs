//! Purchases by live code: in one transaction each code is judged with its device locked, the purchases are posted, the
//! codes are used up. Beside them the same by number: the cards looked up, the purchases posted.

use std::collections::HashMap;
use std::ops::Range;

use card_issuer::CardError;
use card_issuer::bulk::{self, Announce};
use card_issuer::cards::{self, CardKind};
use card_issuer::code::{self, PresentedCode};
use card_issuer::devices::DeviceId;
use card_issuer::keys::IssuerKeys;
use card_issuer::number::CardNumber;
use card_issuer::presentation::{self, Presented};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use shared_kernel::db::by_key;
use shared_kernel::ids::{MemberId, Uuid};

use crate::programme::{Partners, Programme, member_of};

/// The members' virtual cards, and what draws their codes.
pub struct LiveCards {
    keys: IssuerKeys,
    drawing: HashMap<MemberId, Drawing>,
    began: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct Drawing {
    #[diesel(sql_type = SqlUuid)]
    member_id: MemberId,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = SqlUuid)]
    device: DeviceId,
}

impl LiveCards {
    /// Gives every member a virtual card with the server's device.
    pub fn new(connection: &mut PgConnection, programme: &Programme) -> Self {
        let keys = IssuerKeys::new(&[7; 32]);
        let began = programme.now();
        for some in programme.members.chunks(bulk::MEMBERS_MAX) {
            let kind = (CardKind::Virtual, Announce::Nothing);
            let issued = bulk::issue_missing(connection, &keys, kind, some, began).expect("cards are issued");
            assert_eq!(issued.issued, some.len());
        }
        let drawing: Vec<Drawing> = diesel::sql_query(
            "SELECT c.member_id, c.number::text AS number, d.id AS device
             FROM cards.cards AS c JOIN cards.devices AS d ON d.card_id = c.id",
        )
        .load(connection)
        .expect("the cards can be read");
        let drawing = drawing.into_iter().map(|one| (one.member_id, one)).collect();
        Self { keys, drawing, began }
    }

    /// The moment of a purchase. A member buys again when all others have: half a minute later then, with another code.
    fn moment(&self, programme: &Programme, number: u64) -> DateTime<Utc> {
        let turn = i64::try_from(number).expect("not so many") / programme.members.len() as i64;
        self.began + TimeDelta::seconds(code::STEP_SECONDS * turn)
    }

    fn of(&self, programme: &Programme, number: u64) -> &Drawing {
        &self.drawing[&member_of(number, &programme.members)]
    }

    /// The code on the screen of a purchase's member.
    fn presented(&self, programme: &Programme, number: u64) -> Presented {
        let Drawing { number: card, device, .. } = self.of(programme, number);
        let secret = self.keys.device_secret(*device, self.keys.device_version()).expect("its own version");
        let card = CardNumber::parse(card).expect("it was issued");
        let shown = code::live_code(&secret, card, self.moment(programme, number));
        let code = PresentedCode::parse(&shown.value).expect("it was drawn");
        Presented { code, asker: "bench".to_owned() }
    }

    /// Posts purchases, each with a fresh live code; none is refused.
    pub fn post_by_code(&self, programme: &Programme, connection: &mut PgConnection, numbers: Range<u64>) {
        let now = self.moment(programme, numbers.end - 1);
        let presented: Vec<Presented> =
            numbers.clone().map(|number| self.presented(programme, number)).collect();
        let sales = programme.sales(Partners::Hundred, numbers, now);
        let done: Result<(), CardError> = by_key(connection, |connection| {
            let judged = presentation::lock_codes(connection, &self.keys, &presented, now)?;
            let posted = programme.posted(connection, &sales, now)?;
            let uses: Vec<_> = judged
                .iter()
                .zip(posted)
                .map(|(judged, id): (_, Uuid)| (judged.verdict.expect("a fresh code is taken"), id))
                .collect();
            presentation::consume(connection, &uses, now)
        });
        done.expect("the batch can be posted");
    }

    /// Posts purchases, each by its card's number; none is refused.
    pub fn post_by_number(&self, programme: &Programme, connection: &mut PgConnection, numbers: Range<u64>) {
        let now = self.moment(programme, numbers.end - 1);
        let shown: Vec<CardNumber> = numbers
            .clone()
            .map(|number| CardNumber::parse(&self.of(programme, number).number).expect("it was issued"))
            .collect();
        let sales = programme.sales(Partners::Hundred, numbers, now);
        let done: Result<(), CardError> = by_key(connection, |connection| {
            assert!(!cards::by_numbers(connection, &shown)?.is_empty());
            programme.posted(connection, &sales, now)?;
            Ok(())
        });
        done.expect("the batch can be posted");
    }

    /// Judges, locks and uses up codes without posting anything.
    pub fn guard(&self, programme: &Programme, connection: &mut PgConnection, numbers: Range<u64>) {
        let now = self.moment(programme, numbers.end - 1);
        let presented: Vec<Presented> = numbers.map(|number| self.presented(programme, number)).collect();
        let done: Result<(), CardError> = by_key(connection, |connection| {
            let judged = presentation::lock_codes(connection, &self.keys, &presented, now)?;
            let uses: Vec<_> = judged
                .iter()
                .map(|judged| (judged.verdict.expect("a fresh code is taken"), Uuid::now_v7()))
                .collect();
            presentation::consume(connection, &uses, now)
        });
        done.expect("the codes can be used");
    }
}
