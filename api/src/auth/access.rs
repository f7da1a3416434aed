//! The requirement of a route, checked before its body is read. Least privilege: what isn't listed may not.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, web};

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
}

impl Access {
    /// Anybody.
    pub const PUBLIC: Self = Self { public: true, member: false, client: false, roles: &[] };
    /// Members.
    pub const MEMBER: Self = Self { public: false, member: true, client: false, roles: &[] };
    /// A partner's programs and tills.
    pub const PARTNER: Self =
        Self { public: false, member: false, client: true, roles: &[Role::Cashier, Role::Manager] };
    /// Anybody of the staff.
    pub const STAFF: Self = Self { public: false, member: false, client: false, roles: Role::ALL };

    /// Staff of some roles.
    pub const fn roles(roles: &'static [Role]) -> Self {
        Self { public: false, member: false, client: false, roles }
    }

    /// These and members.
    pub const fn and_member(self) -> Self {
        Self { public: self.public, member: true, client: self.client, roles: self.roles }
    }

    /// These and partners' programs.
    pub const fn and_client(self) -> Self {
        Self { public: self.public, member: self.member, client: true, roles: self.roles }
    }

    /// Whether this principal may.
    pub fn allows(&self, principal: &Principal) -> bool {
        self.public
            || match principal {
                Principal::Member { .. } => self.member,
                Principal::Client { .. } => self.client,
                Principal::Staff(staff) => self.roles.contains(&staff.role),
            }
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
            return Err(Problem::forbidden().into());
        }
        request.extensions_mut().insert(principal);
    }
    next.call(request).await
}
