//! Somebody of every kind, signed in.

use harness::{Client, TestServer};
use unioncard::auth::{Access, Role};

/// A client of each kind of principal, with what tells whether a route is theirs.
pub struct People {
    /// Nobody signed in.
    pub nobody: Client,
    /// The rest: a name, the client, and whether a requirement lets them in.
    pub signed_in: Vec<Person>,
}

/// Somebody signed in.
pub struct Person {
    /// The kind, for messages.
    pub name: String,
    /// The client.
    pub client: Client,
    /// Whether a requirement lets them in.
    pub may: fn(&Access, Option<Role>) -> bool,
    /// The role of staff.
    pub role: Option<Role>,
}

impl People {
    /// Makes and signs them all in.
    pub fn of(server: &TestServer) -> Self {
        server.member("1001");
        let partner = server.partner("bakery", &["bakery-1"]);
        let person = |name: &str, client, may| Person { name: name.to_owned(), client, may, role: None };
        let mut signed_in = vec![
            person("member", server.as_member("1001"), |access, _| access.member),
            person("client", server.as_partner(&partner), |access, _| access.client),
        ];
        let wallet = server.as_wallet(&signed_in[0].client, "card card:code balance");
        signed_in.push(person("wallet", wallet, |access, _| access.scope.is_some()));
        for role in Role::ALL {
            let client = match role {
                Role::Cashier => server.as_cashier(&partner),
                Role::Manager => server.as_manager(&partner),
                Role::Chair => server.as_staff(*role, Some(harness::builders::ROOT)),
                role => server.as_staff(*role, None),
            };
            signed_in.push(Person {
                name: role.to_string(),
                client,
                may: |access, role| role.is_some_and(|role| access.roles.contains(&role)),
                role: Some(*role),
            });
        }
        Self { nobody: server.client(), signed_in }
    }

    /// Somebody a requirement lets in.
    pub fn somebody_who_may(&self, access: &Access) -> &Client {
        if access.public {
            return &self.nobody;
        }
        let found = self.signed_in.iter().find(|person| person.may(access));
        &found.expect("a route is for somebody").client
    }
}

impl Person {
    /// Whether a requirement lets them in.
    pub fn may(&self, access: &Access) -> bool {
        (self.may)(access, self.role)
    }
}
