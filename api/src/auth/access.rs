//! The requirement of a route, checked before its body is read. Least privilege: what isn't listed may not.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};

use super::oauth::Scope;
use super::{Principal, Role};
use crate::app::App;
use crate::problem::Problem;

/// Who may use a route.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Anybody, signed in or not.
    pub public: bool,
    /// Members, each for their own.
    pub member: bool,
    /// Partners' programs.
    pub client: bool,
    /// Staff of these roles.
    pub roles: &'static [Role],
    /// Wallets a member allowed this.
    pub scope: Option<Scope>,
}

impl Access {
    /// Anybody.
    pub const PUBLIC: Self = Self { public: true, member: false, client: false, roles: &[], scope: None };
    /// Members.
    pub const MEMBER: Self = Self { public: false, member: true, client: false, roles: &[], scope: None };
    /// A partner's programs and tills.
    pub const PARTNER: Self = Self::roles(&[Role::Cashier, Role::Manager]).and_client();
    /// Anybody of the staff.
    pub const STAFF: Self = Self::roles(Role::ALL);

    /// Staff of some roles.
    pub const fn roles(roles: &'static [Role]) -> Self {
        Self { public: false, member: false, client: false, roles, scope: None }
    }

    /// These and members.
    pub const fn and_member(self) -> Self {
        Self { member: true, ..self }
    }

    /// These and partners' programs.
    pub const fn and_client(self) -> Self {
        Self { client: true, ..self }
    }

    /// These and the wallets a member allowed this.
    pub const fn and_wallet(self, scope: Scope) -> Self {
        Self { scope: Some(scope), ..self }
    }

    /// Whether this principal may.
    pub fn allows(&self, principal: &Principal) -> bool {
        self.public
            || match principal {
                Principal::Member { .. } => self.member,
                Principal::Client { .. } => self.client,
                Principal::Wallet { scopes, .. } => self.scope.is_some_and(|scope| scopes.contains(scope)),
                Principal::Staff(staff) => self.roles.contains(&staff.role),
            }
    }

    /// What whoever may not is told: a wallet hears which scope it lacks, where there is one (RFC 6750 §3.1).
    fn refusal(&self, principal: &Principal) -> Problem {
        if !matches!(principal, Principal::Wallet { .. }) {
            return Problem::forbidden();
        }
        let challenge = match self.scope {
            Some(Scope::Card) => "Bearer error=\"insufficient_scope\", scope=\"card\"",
            Some(Scope::CardCode) => "Bearer error=\"insufficient_scope\", scope=\"card:code\"",
            Some(Scope::Balance) => "Bearer error=\"insufficient_scope\", scope=\"balance\"",
            None => "Bearer error=\"insufficient_scope\"",
        };
        Problem::new(
            StatusCode::FORBIDDEN,
            "insufficient-scope",
            "The member has not allowed the app this",
            "Член профсоюза не разрешал приложению этого",
        )
        .challenge(challenge)
    }
}

/// Signs the request in and checks the route's requirement; the principal is then in the request.
///
/// # Errors
/// 401 when nobody is signed in, 403 when somebody may not.
pub async fn guard(
    access: Access,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if !access.public {
        let app = request
            .app_data::<web::Data<App>>()
            .map(|data| Arc::clone(data))
            .ok_or_else(Problem::unavailable)?;
        let principal = super::authenticate(&app, request.request()).await?;
        if !access.allows(&principal) {
            return Err(access.refusal(&principal).into());
        }
        request.extensions_mut().insert(principal);
    }
    next.call(request).await
}
