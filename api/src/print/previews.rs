//! What a stored design looks like. Drawing it takes thousands of times as long as looking it up, the office shows one with
//! every list of designs, and a design never changes once it is stored: so the picture is kept in the cache.

use std::time::Duration;

use actix_web::web;
use card_issuer::designs::StoredDesign;
use card_issuer::face::Resolution;
use chrono::NaiveDate;

use crate::app::App;
use crate::auth::secrets;
use crate::problem::Problem;
use crate::v1::designs::{picture, sample};

/// How long a picture is kept.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// A preview of a stored design.
pub struct Preview {
    /// The design.
    pub design: StoredDesign,
    /// The union's name.
    pub union: String,
    /// The name of the organisation whose design it is.
    pub organisation: String,
    /// The day that validity counts from.
    pub today: NaiveDate,
    /// How fine it is drawn.
    pub resolution: Resolution,
}

impl Preview {
    /// The name in the cache: all that the picture depends on.
    pub fn name(&self) -> String {
        let (design, day, dpi) = (self.design.id, self.today, self.resolution.dpi());
        let names = secrets::hash(format!("{}\0{}", self.union, self.organisation).as_bytes());
        let names: String = names.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("preview:{}:{design}:{dpi}:{day}:{names}", env!("CARGO_PKG_VERSION"))
    }

    /// The picture as PNG, with somebody's name or that of nobody. A name that is given is a person's and isn't kept.
    ///
    /// # Errors
    /// The encoder's.
    pub async fn picture(self, app: &App, name: Option<String>) -> Result<Vec<u8>, Problem> {
        if name.is_some() {
            return self.drawn(name).await;
        }
        let kept_as = self.name();
        if let Some(png) = app.cache.get(&kept_as, app.now()).await {
            return Ok(png);
        }
        let png = self.drawn(None).await?;
        app.cache.set(&kept_as, &png, KEPT, app.now()).await;
        Ok(png)
    }

    async fn drawn(self, name: Option<String>) -> Result<Vec<u8>, Problem> {
        let drawing = web::block(move || {
            let holder = sample(name.as_deref(), (self.union, self.organisation), self.today);
            picture(&self.design.drawn(), &holder, self.resolution)
        });
        drawing.await.map_err(|error| Problem::internal(&error))?
    }
}
