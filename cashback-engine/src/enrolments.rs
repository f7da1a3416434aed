//! Taking part in the bonus programme: by accepting the offer, in a named version, through a named channel.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use shared_kernel::ids::MemberId;
use shared_kernel::text_enum;

use crate::schema::ledger::{balances, enrolments};
use crate::statement::statement;

/// The channel of who leaves the programme, or comes back into it, along with the union.
pub const WITH_THE_UNION: &str = "union";

text_enum! {
    /// How a member stands in the programme.
    Standing {
        /// Takes part.
        Enrolled => "enrolled",
        /// Left: earns and spends no more; what is pending is still released.
        Left => "left",
        /// Earns, doesn't spend or withdraw; nothing expires.
        Frozen => "frozen",
        /// Frozen, and left: earns nothing either.
        FrozenLeft => "frozen_left",
        /// Found to be the same person as another member, in whose row everything is now.
        Merged => "merged",
    }
}

impl Standing {
    /// Whether nothing may be spent or withdrawn, and nothing expires.
    pub fn is_frozen(self) -> bool {
        matches!(self, Self::Frozen | Self::FrozenLeft)
    }

    /// Whether the member takes part, frozen or not.
    pub fn takes_part(self) -> bool {
        matches!(self, Self::Enrolled | Self::Frozen)
    }

    /// The same, frozen or not.
    #[must_use]
    pub fn frozen(self, frozen: bool) -> Self {
        match (self, frozen) {
            (Self::Enrolled | Self::Frozen, true) => Self::Frozen,
            (Self::Enrolled | Self::Frozen, false) => Self::Enrolled,
            (Self::Left | Self::FrozenLeft, true) => Self::FrozenLeft,
            (Self::Left | Self::FrozenLeft, false) => Self::Left,
            (Self::Merged, _) => Self::Merged,
        }
    }
}

/// The member's last word on taking part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Whether the member takes part.
    pub enrolled: bool,
    /// The offer's version it was about.
    pub offer_version: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it came along with leaving the union, or coming back into it.
    pub with_the_union: bool,
}

impl Enrolment {
    /// Of two records of one person the word that counts: the later one. That the one record left along with the union says
    /// nothing of the other.
    pub(crate) fn of_two(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let left_with_the_union = |word: &Self| word.with_the_union && !word.enrolled;
        match (one, other) {
            (Some(one), Some(other)) => {
                let later = |word: &Self| (!left_with_the_union(word), word.at);
                Some(if later(&one) > later(&other) { one } else { other })
            }
            (one, other) => one.or(other),
        }
    }
}

/// How long ago a purchase has to be for its own moment to be asked, and not the present. A till may say when the sale
/// began, and the member have joined in its course.
pub(crate) const LATE: TimeDelta = TimeDelta::minutes(15);

statement! {
    /// The last word of each member at a moment, by place: of all names a member's records went under then, the latest that
    /// isn't leaving along with the union, which is one record's.
    WordsAt { members: Vec<MemberId> => Array<SqlUuid>, moments: Vec<DateTime<Utc>> => Array<Timestamptz> }
        -> (BigInt, Nullable<Text>),
    "SELECT asked.place, (SELECT word.kind
        FROM (SELECT asked.member_id AS name UNION ALL SELECT m.member_id FROM ledger.merged AS m
            WHERE m.into_id = asked.member_id AND m.merged_at > asked.moment) AS names
        CROSS JOIN LATERAL (SELECT e.kind, e.channel, e.at, e.id FROM ledger.enrolments AS e
            WHERE e.member_id = names.name AND e.at <= asked.moment ORDER BY e.at DESC, e.id DESC LIMIT 1) AS word
        ORDER BY word.kind = 'left' AND word.channel = 'union', word.at DESC, word.id DESC LIMIT 1)
     FROM unnest(?, ?) WITH ORDINALITY AS asked (member_id, moment, place) ORDER BY asked.place"
}

/// Whether each of these took part at that moment; `None` for who had never said a word by then. In their order.
pub(crate) fn took_part(
    connection: &mut PgConnection,
    asked: &[(MemberId, DateTime<Utc>)],
) -> QueryResult<Vec<Option<bool>>> {
    let (members, moments) = asked.iter().copied().unzip();
    let words: Vec<(i64, Option<String>)> = WordsAt { members, moments }.load(connection)?;
    Ok(words.into_iter().map(|(_, word)| word.map(|word| word == "enrolled")).collect())
}

/// Enrols a member; nothing when already enrolled.
///
/// # Errors
/// The database's.
pub fn enrol(
    connection: &mut PgConnection,
    member: MemberId,
    offer_version: &str,
    channel: &str,
    now: DateTime<Utc>,
) -> QueryResult<Enrolment> {
    enrol_many(connection, &[member], offer_version, channel, now)?;
    Ok(state(connection, member)?.unwrap_or(Enrolment {
        enrolled: true,
        offer_version: offer_version.to_owned(),
        at: now,
        with_the_union: channel == WITH_THE_UNION,
    }))
}

/// Enrols all of these who aren't yet, in one statement; how many.
///
/// # Errors
/// The database's.
pub fn enrol_many(
    connection: &mut PgConnection,
    members: &[MemberId],
    offer_version: &str,
    channel: &str,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "WITH asked AS (SELECT DISTINCT member_id FROM unnest($1) AS asked (member_id)),
         joined AS (
             INSERT INTO ledger.balances AS b (member_id, standing)
             SELECT member_id, 'enrolled' FROM asked ORDER BY member_id
             ON CONFLICT (member_id) DO UPDATE
                SET standing = CASE b.standing WHEN 'left' THEN 'enrolled' ELSE 'frozen' END
                WHERE b.standing IN ('left', 'frozen_left')
             RETURNING member_id)
         INSERT INTO ledger.enrolments (member_id, kind, offer_version, channel, at)
         SELECT member_id, 'enrolled', $2, $3, $4 FROM joined",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(members)
    .bind::<Text, _>(offer_version)
    .bind::<Text, _>(channel)
    .bind::<Timestamptz, _>(now)
    .execute(connection)
}

/// Takes a member who comes back to the union back into the programme too, if they were in it until they left the union
/// and the offer they accepted still stands; whoever left it on their own word decides anew. Whether they are in it.
///
/// # Errors
/// The database's.
pub fn rejoin(
    connection: &mut PgConnection,
    member: MemberId,
    offer_version: &str,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let last: Option<(String, String, String)> = enrolments::table
        .filter(enrolments::member_id.eq(member))
        .order(enrolments::id.desc())
        .select((enrolments::kind, enrolments::offer_version, enrolments::channel))
        .first(connection)
        .optional()?;
    let was_in = last.is_some_and(|(kind, version, channel)| {
        (kind.as_str(), version.as_str(), channel.as_str()) == ("left", offer_version, WITH_THE_UNION)
    });
    if was_in {
        enrol_many(connection, &[member], offer_version, WITH_THE_UNION, now)?;
    }
    Ok(was_in)
}

/// A member leaves the programme; nothing when not enrolled.
///
/// # Errors
/// The database's.
pub fn leave(
    connection: &mut PgConnection,
    member: MemberId,
    offer_version: &str,
    channel: &str,
    now: DateTime<Utc>,
) -> QueryResult<Option<Enrolment>> {
    leave_many(connection, &[member], offer_version, channel, now)?;
    state(connection, member)
}

/// These leave the programme, those of them who take part: on their own word, or because they left the union. How
/// many did.
///
/// # Errors
/// The database's.
pub fn leave_many(
    connection: &mut PgConnection,
    members: &[MemberId],
    offer_version: &str,
    channel: &str,
    now: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::sql_query(
        "WITH gone AS (
             UPDATE ledger.balances AS b
             SET standing = CASE b.standing WHEN 'enrolled' THEN 'left' ELSE 'frozen_left' END
             WHERE b.member_id = ANY($1) AND b.standing IN ('enrolled', 'frozen')
             RETURNING member_id)
         INSERT INTO ledger.enrolments (member_id, kind, offer_version, channel, at)
         SELECT member_id, 'left', $2, $3, $4 FROM gone",
    )
    .bind::<Array<diesel::sql_types::Uuid>, _>(members)
    .bind::<Text, _>(offer_version)
    .bind::<Text, _>(channel)
    .bind::<Timestamptz, _>(now)
    .execute(connection)
}

/// The member's last word; `None` for one who never said any.
///
/// # Errors
/// The database's.
pub fn state(connection: &mut PgConnection, member: MemberId) -> QueryResult<Option<Enrolment>> {
    let last: Option<(String, String, DateTime<Utc>, String)> = enrolments::table
        .filter(enrolments::member_id.eq(member))
        .order(enrolments::id.desc())
        .select((enrolments::kind, enrolments::offer_version, enrolments::at, enrolments::channel))
        .first(connection)
        .optional()?;
    Ok(last.map(|(kind, offer_version, at, channel)| Enrolment {
        enrolled: kind == "enrolled",
        offer_version,
        at,
        with_the_union: channel == WITH_THE_UNION,
    }))
}

/// How a member stands in the programme; `None` for one who never took part.
///
/// # Errors
/// The database's.
pub fn standing(connection: &mut PgConnection, member: MemberId) -> QueryResult<Option<Standing>> {
    balances::table.find(member).select(balances::standing).first(connection).optional()
}
