//! Who is asking.

use cashback_engine::PartnerId;
use shared_kernel::ids::MemberId;
use uuid::Uuid;

use super::oauth::Scopes;

shared_kernel::text_enum!(
    /// What a member of staff may do; bound to an organisation's subtree, to the programme, or to a partner.
    Role {
        /// All roots, settings, logins.
        Administrator => "administrator",
        /// The register of a subtree.
        Registrar => "registrar",
        /// The cards of a subtree.
        Issuer => "issuer",
        /// The own organisation: members, joining, statistics to sign, cards to hand out.
        Chair => "chair",
        /// Makes what a controller approves.
        Finance => "finance",
        /// Approves what finance makes.
        Controller => "controller",
        /// Reads all, changes nothing.
        Auditor => "auditor",
        /// A till of a partner.
        Cashier => "cashier",
        /// A partner's own people.
        Manager => "manager",
    }
);

/// Who is asking, as of this request.
#[derive(Debug, Clone)]
pub enum Principal {
    /// A member, signed in by a code.
    Member {
        /// Whose pages these are.
        member: MemberId,
        /// The session, for signing out.
        session: Uuid,
    },
    /// Somebody of the union's or a partner's staff.
    Staff(StaffPrincipal),
    /// Somebody else's wallet, which sees of a member what they allowed it.
    Wallet {
        /// The app.
        app: Uuid,
        /// The member's consent.
        grant: Uuid,
        /// Whose card it shows.
        member: MemberId,
        /// What this token opens.
        scopes: Scopes,
    },
    /// A partner's program.
    Client {
        /// The API client.
        client: Uuid,
        /// Whose it is.
        partner: PartnerId,
    },
}

/// A member of staff, signed in.
#[derive(Debug, Clone)]
pub struct StaffPrincipal {
    /// The login.
    pub staff: Uuid,
    /// The role.
    pub role: Role,
    /// The code of the organisation whose subtree the role is bound to; none is all roots.
    pub organisation: Option<String>,
    /// The partner of a cashier or manager.
    pub partner: Option<PartnerId>,
    /// The outlets' codes a cashier may post for; empty is all of the partner's.
    pub outlets: Vec<String>,
    /// The session, for signing out.
    pub session: Uuid,
}

impl Principal {
    /// The partner this principal acts for, if any.
    pub fn partner(&self) -> Option<PartnerId> {
        match self {
            Self::Client { partner, .. } => Some(*partner),
            Self::Staff(staff) => staff.partner,
            Self::Member { .. } | Self::Wallet { .. } => None,
        }
    }

    /// The staff login, if it is one.
    pub fn staff(&self) -> Option<&StaffPrincipal> {
        match self {
            Self::Staff(staff) => Some(staff),
            _ => None,
        }
    }

    /// The member whose pages these are: who asks, or for whom a wallet does. A wallet comes to the routes of its scopes
    /// alone.
    pub fn member(&self) -> Option<MemberId> {
        match self {
            Self::Member { member, .. } | Self::Wallet { member, .. } => Some(*member),
            _ => None,
        }
    }

    /// A text that names who asked, for what is bound to its asker: resolutions, rate limits, idempotency keys.
    pub fn key(&self) -> String {
        match self {
            Self::Member { member, .. } => format!("member:{member}"),
            Self::Staff(staff) => format!("staff:{}", staff.staff),
            Self::Wallet { grant, .. } => format!("wallet:{grant}"),
            Self::Client { client, .. } => format!("client:{client}"),
        }
    }
}
