//! Designs run down the tree: an organisation without one of its own has the nearest one above, or the program's.

use std::collections::HashMap;

use card_issuer::designs::{self, DesignId, StoredDesign};
use diesel::pg::PgConnection;
use union_registry::organisations::{self, Path};

use crate::problem::Problem;

/// Every organisation's own design, by its code.
pub struct Inherited(HashMap<String, DesignId>);

impl Inherited {
    /// As of now. Few organisations have a design of their own.
    ///
    /// # Errors
    /// The database's.
    pub fn read(connection: &mut PgConnection) -> Result<Self, Problem> {
        let current = designs::current(connection)?;
        let ids: Vec<_> = current.iter().map(|(organisation, _)| *organisation).collect();
        let mut paths = organisations::paths(connection, &ids)?;
        let code = |path: Path| path.into_codes().pop();
        Ok(Self(
            current
                .into_iter()
                .filter_map(|(organisation, design)| {
                    Some((paths.remove(&organisation).and_then(code)?, design))
                })
                .collect(),
        ))
    }

    /// The design of an organisation at this place of the tree.
    pub fn of(&self, path: &Path) -> Option<DesignId> {
        path.codes().iter().rev().find_map(|code| self.0.get(code)).copied()
    }
}

/// The design that holds at this place of the tree; `None` is the program's own.
///
/// # Errors
/// The database's.
pub fn holding(connection: &mut PgConnection, path: &Path) -> Result<Option<StoredDesign>, Problem> {
    match Inherited::read(connection)?.of(path) {
        Some(id) => Ok(designs::find(connection, id)?),
        None => Ok(None),
    }
}
