//! A chunk's pictures: a face a card, a print file for the plant, sheets for an office printer. The print file comes last:
//! a chunk that has it is whole, and isn't drawn again while its rows of the table are what they were.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use card_issuer::designs::{self, DesignId};
use card_issuer::face::pdf::Ground;
use card_issuer::face::{Design, Document, Face, Plate, Resolution, Sheet};
use card_issuer::print::Batch;
use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;

use super::sums::Sums;
use super::{PrintError, write_whole};
use crate::files::{private_file, private_folder};
use crate::print::holders::Printed;

/// Grounds kept at once; a batch rarely has more designs.
const DESIGNS_MAX: usize = 16;

/// Draws a batch's pictures.
pub struct Studio {
    folder: PathBuf,
    made_at: DateTime<Utc>,
    resolution: Resolution,
    designs: HashMap<Option<DesignId>, (Design, Plate)>,
}

/// Both print files of a chunk.
struct Files {
    plant: Document,
    sheets: Document,
    grounds: HashMap<Option<DesignId>, (Ground, Ground)>,
}

impl Studio {
    /// For a batch's folder; the batch's time stands in the print files.
    pub fn new(folder: &Path, batch: &Batch) -> Self {
        let (made_at, resolution) = (batch.made_at, batch.resolution());
        Self { folder: folder.to_owned(), made_at, resolution, designs: HashMap::new() }
    }

    /// Draws a chunk, unless it is there and told the same of its cards, and adds its sums.
    ///
    /// # Errors
    /// The disk's and the encoders'.
    pub fn draw(
        &mut self,
        connection: &mut PgConnection,
        (chunk, told): (u32, &str),
        printed: &[Printed],
        sums: &mut Sums,
    ) -> Result<(), PrintError> {
        let (pdf, sheets) = (format!("cards-{chunk:04}.pdf"), format!("sheets-{chunk:04}.pdf"));
        let face_of = |one: &Printed| format!("faces/{chunk:04}/{:06}.png", one.item.place);
        let (whole, mark) = (self.folder.join(&pdf), format!(".told-{chunk:04}"));
        let same = fs::read_to_string(self.folder.join(&mark)).is_ok_and(|before| before == told);
        if whole.is_file() && same {
            for one in printed {
                sums.add_file(&face_of(one))?;
            }
            sums.add_file(&sheets)?;
            sums.add_file(&pdf)?;
            return Ok(());
        }
        if whole.is_file() {
            fs::remove_file(&whole)?;
        }
        write_whole(&self.folder, &mark, told.as_bytes())?;
        private_folder(&self.folder.join(format!("faces/{chunk:04}")))?;
        let mut files = Files {
            plant: Document::new(Sheet::Plant, &format!("Unioncard {pdf}"), self.made_at),
            sheets: Document::new(Sheet::Office, &format!("Unioncard {sheets}"), self.made_at),
            grounds: HashMap::new(),
        };
        for one in printed {
            let png = self.card(connection, one, &mut files)?;
            let name = face_of(one);
            let path = self.folder.join(&name);
            private_file(&path)?.write_all(&png)?;
            sums.add(&name, &png);
        }
        let broken = |error: &dyn std::fmt::Display| PrintError::Picture(error.to_string());
        for (name, document) in [(sheets, files.sheets), (pdf, files.plant)] {
            let bytes = document.finish().map_err(|error| broken(&error))?;
            write_whole(&self.folder, &name, &bytes)?;
            sums.add(&name, &bytes);
        }
        Ok(())
    }

    /// Draws one card into both print files; its face.
    fn card(
        &mut self,
        connection: &mut PgConnection,
        one: &Printed,
        files: &mut Files,
    ) -> Result<Vec<u8>, PrintError> {
        let id = one.item.design_id;
        if !self.designs.contains_key(&id) {
            if self.designs.len() >= DESIGNS_MAX {
                self.designs.clear();
            }
            let stored = match id {
                Some(id) => designs::find(connection, id)?,
                None => None,
            };
            let design = stored.map_or_else(Design::default, |stored| stored.drawn());
            let plate = Plate::new(&design, self.resolution);
            self.designs.insert(id, (design, plate));
        }
        let (design, plate) = self.designs.get_mut(&id).expect("put there above");
        let face = Face::of(&one.holder, design);
        let (plant, sheets) = *files
            .grounds
            .entry(id)
            .or_insert_with(|| (files.plant.ground(design), files.sheets.ground(design)));
        files.plant.add(plant, &face);
        files.sheets.add(sheets, &face);
        plate.png(&face).map_err(|error| PrintError::Picture(error.to_string()))
    }
}
