//! Designs as wallets draw them: decoded once, their pictures drawn once. A stored design never changes, so what is kept
//! stays true.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use card_issuer::designs::{self, DesignId};
use card_issuer::face::Design;
use card_issuer::pass::apple::pictures::Pictures;
use diesel::pg::PgConnection;
use diesel::prelude::*;

/// Designs kept at most; few organisations have one of their own.
const KEPT_MAX: usize = 256;

/// A design with its pictures.
pub struct Look {
    /// The design.
    pub design: Design,
    pictures: OnceLock<Pictures>,
}

impl Look {
    fn of(design: Design) -> Arc<Self> {
        Arc::new(Self { design, pictures: OnceLock::new() })
    }

    /// Its pictures, drawn when first asked for.
    ///
    /// # Errors
    /// The encoder's, which a write into memory doesn't have.
    pub fn pictures(&self) -> Result<&Pictures, Box<dyn std::error::Error + Send + Sync>> {
        match self.pictures.get() {
            Some(pictures) => Ok(pictures),
            None => {
                let drawn = Pictures::of(&self.design)?;
                Ok(self.pictures.get_or_init(|| drawn))
            }
        }
    }
}

/// The designs kept.
#[derive(Default)]
pub struct Looks(Mutex<HashMap<Option<DesignId>, Arc<Look>>>);

impl Looks {
    /// A stored design, or the program's own.
    ///
    /// # Errors
    /// The database's.
    pub fn of(&self, connection: &mut PgConnection, id: Option<DesignId>) -> QueryResult<Arc<Look>> {
        if let Some(look) = self.kept().get(&id) {
            return Ok(Arc::clone(look));
        }
        let stored = match id {
            Some(id) => designs::find(connection, id)?,
            None => None,
        };
        let look = Look::of(stored.map_or_else(Design::default, |stored| stored.drawn()));
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        Ok(Arc::clone(kept.entry(id).or_insert(look)))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<Option<DesignId>, Arc<Look>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
