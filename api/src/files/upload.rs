//! A multipart upload, streamed to disk: its fields are few and short, its file bounded, nothing is held in memory.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_multipart::{Field, Multipart};
use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::App;
use crate::extract;
use crate::problem::Problem;

/// No file is longer: two million members take 340 MB.
pub const FILE_BYTES_MAX: usize = 1 << 30;
const FIELD_BYTES_MAX: usize = 1_024;
const FIELDS_MAX: usize = 8;
const UPLOAD_DEADLINE: Duration = Duration::from_secs(30 * 60);

/// What was uploaded.
#[derive(Debug)]
pub struct Upload {
    /// Where the file lies.
    pub path: PathBuf,
    /// Its name at the sender's, without folders.
    pub file_name: String,
    /// SHA-256 of its bytes.
    pub hash: [u8; 32],
    /// The other fields.
    pub fields: BTreeMap<String, String>,
}

impl Upload {
    /// A field that must be there.
    ///
    /// # Errors
    /// 422
    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        self.fields
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| Problem::invalid_field(format!("#/{name}"), "is missing", "не указано"))
    }

    /// Refuses fields other than these.
    ///
    /// # Errors
    /// 422
    pub fn only(&self, names: &[&str]) -> Result<(), Problem> {
        match self.fields.keys().find(|name| !names.contains(&name.as_str())) {
            Some(unknown) => {
                Err(Problem::invalid_field(format!("#/{unknown}"), "is unknown", "неизвестное поле"))
            }
            None => Ok(()),
        }
    }

    /// Removes the file, when nobody wants it.
    pub fn discard(&self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "an unwanted upload stays on disk");
        }
    }
}

/// Streams an upload into `folder` of the data folder under a name of its own.
///
/// # Errors
/// 400, 413, 415, 422 or 503 on a full disk; nothing is left behind then.
pub async fn receive(
    app: &App,
    request: &HttpRequest,
    body: Multipart,
    folder: &str,
) -> Result<Upload, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.to_ascii_lowercase().starts_with("multipart/form-data") {
        return Err(Problem::unsupported_media_type(
            "send the file as multipart/form-data",
            "файл отправляют как multipart/form-data",
        ));
    }
    extract::check_length(request, FILE_BYTES_MAX)?;
    let folder = app.settings.data_dir.join(folder);
    super::private_folder(&folder).map_err(|error| Problem::internal(&error))?;
    let path = folder.join(Uuid::now_v7().to_string());
    let received = tokio::time::timeout(UPLOAD_DEADLINE, read(body, &path)).await;
    let received = received
        .map_err(|_| Problem::malformed("the upload came too slowly", "Файл шёл слишком долго"))
        .and_then(|r| r);
    if received.is_err() && path.exists() {
        std::fs::remove_file(&path).map_err(|error| Problem::internal(&error))?;
    }
    received
}

async fn read(mut body: Multipart, path: &Path) -> Result<Upload, Problem> {
    let mut fields = BTreeMap::new();
    let mut file: Option<(String, [u8; 32])> = None;
    while let Some(field) = body.next().await {
        let field = field
            .map_err(|_| Problem::malformed("the multipart body is broken", "Тело multipart повреждено"))?;
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" && file.is_none() {
            file = Some(store(field, path).await?);
        } else if name == "file" || fields.contains_key(&name) || fields.len() >= FIELDS_MAX {
            return Err(Problem::invalid_field(format!("#/{name}"), "stands twice", "поле повторяется"));
        } else {
            let text = text_of(field).await?;
            fields.insert(name, text);
        }
    }
    let (file_name, hash) =
        file.ok_or_else(|| Problem::invalid_field("#/file", "is missing", "файл не приложен"))?;
    Ok(Upload { path: path.to_owned(), file_name, hash, fields })
}

async fn store(mut field: Field, path: &Path) -> Result<(String, [u8; 32]), Problem> {
    let named = field.content_disposition().and_then(|d| d.get_filename()).unwrap_or("file");
    let file_name: String = named
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or("file")
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect();
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Problem::internal(&error))?;
    let mut hash = Sha256::new();
    let mut length = 0_usize;
    while let Some(chunk) = field.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("the upload ended early", "Файл оборвался"))?;
        length += chunk.len();
        if length > FILE_BYTES_MAX {
            return Err(Problem::too_large());
        }
        hash.update(&chunk);
        file.write_all(&chunk).map_err(|error| disk(&error))?;
    }
    file.sync_all().map_err(|error| disk(&error))?;
    Ok((file_name, hash.finalize().into()))
}

fn disk(error: &std::io::Error) -> Problem {
    tracing::error!(%error, "an upload can't be stored");
    Problem::unavailable()
}

async fn text_of(mut field: Field) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.next().await {
        let chunk =
            chunk.map_err(|_| Problem::malformed("the upload ended early", "Тело запроса оборвалось"))?;
        if bytes.len() + chunk.len() > FIELD_BYTES_MAX {
            return Err(Problem::too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| Problem::malformed("a field is not UTF-8", "Поле не в UTF-8"))
}
