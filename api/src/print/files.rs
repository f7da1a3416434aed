//! The files of a batch, for a card plant or an office printer: faces as PNG, print-ready PDF of 500 cards each, the same
//! on A4 sheets, the personalisation table as CSV and XLSX, a manifest with counts, SHA-256 of everything. Streamed: memory
//! holds one chunk. A run that was cut off goes on with the chunk it was at, and draws those anew in which somebody is called
//! otherwise by now, so that faces and table say the same; the sums come last, so a folder that has them is whole. What lies there is personal: nobody but the owner may read it.

mod pictures;
mod sums;
mod tables;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use card_issuer::personalisation::{COLUMNS, Pictures, row};
use card_issuer::print::{self, Batch, BatchId};
use diesel::pg::PgConnection;
use serde::Serialize;
use sha2::{Digest, Sha256};
use union_registry::organisations;

use self::pictures::Studio;
use self::sums::{Sums, hexadecimal};
use self::tables::Tables;
use super::holders;
use crate::app::App;
use crate::files::{private_file, private_folder};
use crate::problem::Problem;

/// Cards of one print file.
pub const CARDS_A_FILE: i32 = 500;
/// The list of sums: where it is, everything is.
pub const SUMS: &str = "SHA256SUMS";
/// What is in the batch, for people and programs of the plant.
pub const MANIFEST: &str = "manifest.json";
/// The personalisation table.
pub const CSV: &str = "cards.csv";
/// The same for spreadsheets.
pub const XLSX: &str = "cards.xlsx";
const LOCK: &str = ".lock";

/// Why files were not made.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// The database's, or a row that doesn't fit.
    #[error("{0}")]
    Problem(#[from] Problem),
    /// The disk's.
    #[error("{0}")]
    Disk(#[from] io::Error),
    /// The CSV writer's.
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// The XLSX writer's.
    #[error(transparent)]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
    /// A picture's.
    #[error("a picture could not be drawn: {0}")]
    Picture(String),
    /// Another process is drawing these very files.
    #[error("these files are being made at this moment")]
    Busy,
}

impl From<diesel::result::Error> for PrintError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Problem(error.into())
    }
}

/// What a folder holds.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    /// The batch.
    pub batch: BatchId,
    /// What people call it.
    pub number: i64,
    /// The code of the subtree whose cards these are.
    pub organisation: String,
    /// When the batch was claimed; the same batch makes the same bytes.
    pub made_at: String,
    /// How many cards.
    pub cards: usize,
    /// How many print files.
    pub pdf_files: usize,
    /// How many faces.
    pub faces: usize,
    /// The table's columns.
    pub columns: [&'static str; COLUMNS.len()],
    /// How the faces were drawn.
    pub face: String,
    /// Dots an inch of the faces.
    pub dpi: i16,
    /// How the print files were drawn.
    pub pdf: &'static str,
}

/// Makes what is missing of a batch's files; nothing when they are whole. Blocks.
///
/// # Errors
/// [`PrintError`]; a later call goes on from there.
pub fn complete(
    app: &App,
    connection: &mut PgConnection,
    (batch, folder): (&Batch, &Path),
    progress: &mut dyn FnMut(usize),
) -> Result<(), PrintError> {
    private_folder(folder)?;
    let lock = private_file(&folder.join(LOCK))?;
    // Held until this returns.
    lock.try_lock().map_err(|_| PrintError::Busy)?;
    if !folder.join(SUMS).is_file() {
        draw(connection, batch, folder, progress)?;
    }
    print::files_complete(connection, batch.id, app.now())?;
    Ok(())
}

fn draw(
    connection: &mut PgConnection,
    batch: &Batch,
    folder: &Path,
    progress: &mut dyn FnMut(usize),
) -> Result<(), PrintError> {
    let organisation = organisations::find(connection, batch.organisation_id).map_err(Problem::from)?.code;
    let mut sums = Sums::new(folder);
    let mut tables = Tables::create(folder, batch.made_at)?;
    let mut studio = Studio::new(folder, batch);
    let (mut after, mut cards, mut chunk) = (0, 0, 0_u32);
    loop {
        let items = print::items(connection, (batch.id, None), after, i64::from(CARDS_A_FILE))?;
        let Some(last) = items.last() else { break };
        after = last.place;
        chunk += 1;
        let printed = holders::of_items(connection, items)?;
        let pdf = format!("cards-{chunk:04}.pdf");
        let mut told = Sha256::new();
        for one in &printed {
            let face = format!("faces/{chunk:04}/{:06}.png", one.item.place);
            let pictures = Pictures { face, pdf: pdf.clone() };
            let holder = (&one.holder, one.card.relation);
            let row = row(one.item.place, holder, &one.organisation_code, &pictures);
            row.iter().for_each(|field| told.update([field.as_bytes(), b"\0"].concat()));
            tables.write(&row)?;
        }
        let told = hexadecimal(&told.finalize());
        studio.draw(connection, (chunk, &told), printed.as_slice(), &mut sums)?;
        cards += printed.len();
        progress(cards);
    }
    tables.finish()?;
    let (width, height) = batch.resolution().size();
    let manifest = Manifest {
        batch: batch.id,
        number: batch.number,
        organisation,
        made_at: batch.made_at.to_rfc3339(),
        cards,
        pdf_files: usize::try_from(chunk).unwrap_or_default(),
        faces: cards,
        columns: COLUMNS,
        face: format!("PNG, {width} x {height} pixels, {} dpi", batch.dpi),
        dpi: batch.dpi,
        pdf: "CR80 85.60 x 53.98 mm, 3 mm bleed, crop marks; sheets: ten on A4",
    };
    write_whole(folder, MANIFEST, &serde_json::to_vec_pretty(&manifest).expect("plain data"))?;
    [CSV, XLSX, MANIFEST].iter().try_for_each(|name| sums.add_file(name))?;
    write_whole(folder, SUMS, sums.text().as_bytes())?;
    Ok(())
}

/// Writes a file beside its place and moves it there when it is whole.
fn write_whole(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let draft = folder.join(format!("{name}.part"));
    let mut file = private_file(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(draft, folder.join(name))
}

/// The folder in which the API keeps a batch's files.
pub fn kept_in(app: &App, batch: BatchId) -> PathBuf {
    app.settings.data_dir.join("print").join(batch.to_string())
}

/// Whether the API has all of a batch's files: the list of sums is written last, and gone once they are swept.
pub fn ready(app: &App, batch: &Batch) -> bool {
    batch.files_at.is_some() && kept_in(app, batch.id).join(SUMS).is_file()
}

/// The batches of which the API keeps files.
///
/// # Errors
/// The disk's.
pub fn kept(app: &App) -> io::Result<Vec<BatchId>> {
    let folder = app.settings.data_dir.join("print");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut batches = Vec::new();
    for entry in fs::read_dir(folder)? {
        batches.extend(entry?.file_name().to_str().and_then(|name| name.parse::<BatchId>().ok()));
    }
    Ok(batches)
}

/// Removes what the API keeps of a batch, unless it is being drawn; whether it did.
///
/// # Errors
/// The disk's.
pub fn remove(app: &App, batch: BatchId) -> io::Result<bool> {
    let folder = kept_in(app, batch);
    let lock = private_file(&folder.join(LOCK))?;
    if lock.try_lock().is_err() {
        return Ok(false);
    }
    let archive = folder.with_extension("zip");
    if archive.is_file() {
        fs::remove_file(archive)?;
    }
    fs::remove_dir_all(folder)?;
    Ok(true)
}

/// The names of a whole folder's files with their sums, faces apart.
///
/// # Errors
/// The disk's.
pub fn listed(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let text = fs::read_to_string(folder.join(SUMS))?;
    let lines = text.lines().filter_map(|line| line.split_once("  "));
    Ok(lines
        .filter(|(_, name)| !name.contains('/'))
        .map(|(sum, name)| (name.to_owned(), sum.to_owned()))
        .collect())
}

/// All of a whole folder as one archive, made beside it the first time.
///
/// # Errors
/// The disk's.
pub fn archive(folder: &Path) -> io::Result<PathBuf> {
    let whole = folder.with_extension("zip");
    if whole.is_file() {
        return Ok(whole);
    }
    let draft = tempfile::Builder::new().prefix(".batch-").tempfile_in(folder)?;
    let mut zip = zip::ZipWriter::new(draft);
    // Pictures are compressed already; the time is the same for all, so that the same files make the same archive.
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .unix_permissions(0o600);
    let sums = fs::read_to_string(folder.join(SUMS))?;
    let names = sums.lines().filter_map(|line| line.split_once("  ")).map(|(_, name)| name).chain([SUMS]);
    for name in names {
        zip.start_file(name, options).map_err(io::Error::other)?;
        io::copy(&mut File::open(folder.join(name))?, &mut zip)?;
    }
    let draft = zip.finish().map_err(io::Error::other)?;
    draft.persist(&whole).map_err(|error| error.error)?;
    Ok(whole)
}
