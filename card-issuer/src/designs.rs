//! How organisations' cards look, as stored. A design is never changed: a new one takes its place, and what was printed
//! keeps its own. Whose design a card gets (the nearest organisation's above) is the caller's to say: the tree isn't here.

use std::io::Cursor;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use shared_kernel::ids::OrganisationId;

use crate::face::colour::Rgb;
use crate::face::{Design, FaceField, Logo};
use crate::schema::cards::designs as table;

shared_kernel::id_type!(
    /// A stored design.
    DesignId
);

/// The longest side a logo may come with, in pixels.
pub const LOGO_SIDE_MAX: u32 = 4_096;
/// The longest file a logo may come as.
pub const LOGO_BYTES_MAX: usize = 1 << 20;
/// The longest side a logo is kept with: what 600 dpi can show.
const LOGO_KEPT_MAX: u32 = 400;
/// Memory that reading a logo may take.
const LOGO_MEMORY_MAX: u64 = 128 << 20;
/// The least contrast of what is written with what it stands on (WCAG 2.2, large text).
pub const CONTRAST_MIN: f32 = 4.5;

/// Why a file is no logo.
#[derive(Debug, thiserror::Error)]
pub enum LogoError {
    /// More than [`LOGO_BYTES_MAX`].
    #[error("a logo's file has at most 1 MiB")]
    TooLong,
    /// Neither a PNG nor a JPEG.
    #[error("a logo is a PNG or JPEG")]
    NotAPicture,
    /// More than [`LOGO_SIDE_MAX`] pixels a side.
    #[error("a logo has at most 4096 pixels a side")]
    TooLarge,
    /// Cut off or damaged.
    #[error("the picture is damaged")]
    Damaged,
}

/// Reads a logo and writes it anew as a PNG of a bounded size: nothing but pixels is kept, no place, no camera, no tail.
///
/// # Errors
/// [`LogoError`]
pub fn logo(file: &[u8]) -> Result<Vec<u8>, LogoError> {
    if file.len() > LOGO_BYTES_MAX {
        return Err(LogoError::TooLong);
    }
    let picture = decoded(file)?;
    let (width, height) = (picture.width(), picture.height());
    let picture = if width.max(height) > LOGO_KEPT_MAX {
        picture.thumbnail(LOGO_KEPT_MAX, LOGO_KEPT_MAX)
    } else {
        picture
    };
    let mut png = Cursor::new(Vec::new());
    DynamicImage::ImageRgba8(picture.to_rgba8())
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|_| LogoError::Damaged)?;
    Ok(png.into_inner())
}

fn decoded(file: &[u8]) -> Result<DynamicImage, LogoError> {
    let format = image::guess_format(file).map_err(|_| LogoError::NotAPicture)?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg) {
        return Err(LogoError::NotAPicture);
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LOGO_SIDE_MAX);
    limits.max_image_height = Some(LOGO_SIDE_MAX);
    limits.max_alloc = Some(LOGO_MEMORY_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    reader.decode().map_err(|error| match error {
        image::ImageError::Limits(_) => LogoError::TooLarge,
        _ => LogoError::Damaged,
    })
}

/// A design, as stored.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table)]
pub struct StoredDesign {
    /// Its id.
    pub id: DesignId,
    /// Whose cards look so, and those of everybody below without one of their own.
    pub organisation_id: OrganisationId,
    /// The ground's colour.
    pub base: String,
    /// The second colour.
    pub accent: String,
    /// What stands at the top instead of the union's name.
    pub title: Option<String>,
    fields: String,
    /// A PNG.
    pub logo: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When another took its place.
    pub retired_at: Option<DateTime<Utc>>,
}

/// A design to be stored.
#[derive(Debug, Clone)]
pub struct NewDesign {
    /// Whose.
    pub organisation: OrganisationId,
    /// The ground's colour.
    pub base: Rgb,
    /// The second colour.
    pub accent: Rgb,
    /// What stands at the top instead of the union's name.
    pub title: Option<String>,
    /// Which fields.
    pub fields: Vec<FaceField>,
    /// A PNG of [`logo`].
    pub logo: Option<Vec<u8>>,
}

impl NewDesign {
    /// The design as it is drawn.
    pub fn drawn(&self) -> Design {
        Design {
            base: self.base,
            accent: self.accent,
            title: self.title.clone(),
            fields: self.fields.clone(),
            logo: self.logo.as_deref().and_then(pixels),
        }
    }
}

impl StoredDesign {
    /// Which fields it shows.
    pub fn fields(&self) -> Vec<FaceField> {
        self.fields.split(',').filter_map(|field| field.parse().ok()).collect()
    }

    /// The design without its logo, which takes a while to read.
    pub fn plain(&self) -> Design {
        let own = Design::default();
        Design {
            base: self.base.parse().unwrap_or(own.base),
            accent: self.accent.parse().unwrap_or(own.accent),
            title: self.title.clone(),
            fields: self.fields(),
            logo: None,
        }
    }

    /// The design as it is drawn.
    pub fn drawn(&self) -> Design {
        Design { logo: self.logo.as_deref().and_then(pixels), ..self.plain() }
    }
}

/// A stored logo's pixels; it was written by [`logo`], so it can be read.
fn pixels(png: &[u8]) -> Option<Logo> {
    let picture = decoded(png).ok()?.into_rgba8();
    Some(Logo { width: picture.width(), height: picture.height(), rgba: picture.into_raw() })
}

/// Stores a design in the place of the organisation's present one, if any.
///
/// # Errors
/// The database's.
pub fn store(
    connection: &mut PgConnection,
    new: &NewDesign,
    by: &str,
    now: DateTime<Utc>,
) -> QueryResult<StoredDesign> {
    connection.transaction(|connection| {
        retire(connection, new.organisation, now)?;
        let fields: Vec<&str> = new.fields.iter().map(|field| field.as_str()).collect();
        let stored = StoredDesign {
            id: DesignId::generate(),
            organisation_id: new.organisation,
            base: new.base.to_string(),
            accent: new.accent.to_string(),
            title: new.title.clone(),
            fields: fields.join(","),
            logo: new.logo.clone(),
            created_at: now,
            created_by: by.to_owned(),
            retired_at: None,
        };
        diesel::insert_into(table::table).values(&stored).execute(connection)?;
        Ok(stored)
    })
}

/// Takes an organisation's design away, so that the one above holds; whether there was one.
///
/// # Errors
/// The database's.
pub fn retire(
    connection: &mut PgConnection,
    organisation: OrganisationId,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let current = table::organisation_id.eq(organisation).and(table::retired_at.is_null());
    let retired =
        diesel::update(table::table.filter(current)).set(table::retired_at.eq(now)).execute(connection)?;
    Ok(retired > 0)
}

/// A design by its id, also one that others took the place of.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut PgConnection, id: DesignId) -> QueryResult<Option<StoredDesign>> {
    table::table.find(id).select(StoredDesign::as_select()).first(connection).optional()
}

/// Designs by their ids, in no order.
///
/// # Errors
/// The database's.
pub fn by_ids(connection: &mut PgConnection, ids: &[DesignId]) -> QueryResult<Vec<StoredDesign>> {
    table::table.filter(table::id.eq_any(ids)).select(StoredDesign::as_select()).load(connection)
}

/// Every organisation's present design, the newest first. Few organisations have one of their own.
///
/// # Errors
/// The database's.
pub fn current(connection: &mut PgConnection) -> QueryResult<Vec<(OrganisationId, DesignId)>> {
    table::table
        .filter(table::retired_at.is_null())
        .order(table::id.desc())
        .select((table::organisation_id, table::id))
        .load(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logos_are_written_anew_and_bombs_refused() {
        let picture = DynamicImage::new_rgb8(900, 300);
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, ImageFormat::Png).unwrap();
        let kept = decoded(&logo(&file.into_inner()).unwrap()).unwrap();
        assert_eq!((kept.width(), kept.height()), (400, 133));
        // A PNG that says it is 50,000 pixels a side, and nothing more.
        let mut bomb = Vec::new();
        let mut encoder = png::Encoder::new(&mut bomb, 50_000, 50_000);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        drop(encoder.write_header().unwrap());
        assert!(matches!(logo(&bomb), Err(LogoError::TooLarge)));
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
        assert!(matches!(logo(svg), Err(LogoError::NotAPicture)));
        assert!(matches!(logo(b"GIF89a\x01\x00\x01\x00\x00\x00\x00"), Err(LogoError::NotAPicture)));
        assert!(matches!(logo(&[0; LOGO_BYTES_MAX + 1]), Err(LogoError::TooLong)));
        let mut cut = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(50, 50).write_to(&mut cut, ImageFormat::Png).unwrap();
        let cut = cut.into_inner();
        assert!(matches!(logo(cut.split_at(40).0), Err(LogoError::Damaged)));
    }
}
