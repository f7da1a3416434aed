//! How organisations' cards look: kept, previewed, inherited down the tree.

use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use card_issuer::designs::{self, CONTRAST_MIN, DesignId, NewDesign, StoredDesign};
use card_issuer::face::colour::Rgb;
use card_issuer::face::{Design, Face, FaceField, Holder, Plate, Resolution};
use card_issuer::number::CardNumber;
use chrono::{Months, NaiveDate};
use diesel::pg::PgConnection;
use serde::{Deserialize, Serialize};
use union_registry::organisations::{self, Listed};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::auth::{Principal, scope};
use crate::extract::{IdPath, Json, Query};
use crate::print::previews::Preview;
use crate::problem::{Problem, ProblemBody};
use crate::v1::organisations::OrganisationRefView;
use crate::v1::paging::List;
use crate::v1::types::Timestamp;

/// A number of the right form that is nobody's: the last place of a programme that will never be opened.
const SAMPLE_NUMBER: &str = "9643990000000006";
const TITLE_CHARS_MAX: usize = 120;

/// A design.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CardDesign)]
pub struct DesignView {
    #[schema(value_type = uuid::Uuid)]
    id: DesignId,
    /// Whose design it is.
    organisation: OrganisationRefView,
    /// The ground, `#rrggbb`.
    base: String,
    /// The second colour, `#rrggbb`.
    accent: String,
    /// What stands at the top instead of the union's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// Of `organisation`, `membership_number`, `member_since`, `valid_thru`.
    fields: Vec<&'static str>,
    /// Whether it has a logo.
    logo: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl DesignView {
    fn of(connection: &mut PgConnection, stored: &StoredDesign) -> Result<Self, Problem> {
        let organisation = organisations::by_ids(connection, &[stored.organisation_id])?;
        Ok(Self {
            id: stored.id,
            organisation: organisation.first().ok_or_else(Problem::not_found)?.into(),
            base: stored.base.clone(),
            accent: stored.accent.clone(),
            title: stored.title.clone(),
            fields: stored.fields().into_iter().map(FaceField::as_str).collect(),
            logo: stored.logo.is_some(),
            created_at: Timestamp(stored.created_at),
        })
    }
}

/// The design an organisation's cards get.
#[derive(Debug, Serialize, ToSchema)]
pub struct Designs {
    /// The organisation's own design, or the nearest above; none when the program's own holds.
    items: Vec<DesignView>,
    next: Option<String>,
}

/// Whose design.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DesignsQuery {
    /// The organisation's code.
    organisation: String,
    /// 1 to 200; 50 unless said.
    limit: Option<i64>,
    /// `next` of the page before.
    after: Option<String>,
}

/// The design that holds for an organisation: its own, or the nearest above.
#[utoipa::path(get, path = "/v1/designs", tag = "office", params(DesignsQuery), responses(
    (status = 200, description = "the design, or none", body = Designs),
    (status = 404, description = "no such organisation, or not yours", body = ProblemBody),
    (status = 422, description = "wrong limit or cursor", body = ProblemBody)))]
pub async fn holding(
    app: web::Data<App>,
    request: HttpRequest,
    principal: web::ReqData<Principal>,
    query: Query<DesignsQuery>,
) -> Result<HttpResponse, Problem> {
    let shared = app.clone().into_inner();
    let list = List::of(&shared, &request, &principal);
    let place = list.place((query.0.limit, query.0.after.as_deref()))?;
    let asking = principal.clone();
    let items = app
        .into_inner()
        .run(move |connection| {
            let organisation = scope::organisation(connection, &asking, &query.0.organisation)?;
            let stored = crate::print::designs::holding(connection, &organisation.organisation.path)?;
            stored.iter().map(|stored| DesignView::of(connection, stored)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(list.answer(&place.of(items)))
}

/// A new design, in the place of the organisation's present one.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DesignBody {
    /// The organisation's code.
    organisation: String,
    /// The ground, `#rrggbb`.
    base: String,
    /// The second colour, `#rrggbb`.
    accent: String,
    /// What stands at the top instead of the union's name.
    title: Option<String>,
    /// Of `organisation`, `membership_number`, `member_since`, `valid_thru`; all of them unless said.
    fields: Option<Vec<String>>,
    /// A PNG or JPEG in base64, 1 MiB at most.
    logo: Option<String>,
    /// Takes the logo of another design that one may see.
    logo_of: Option<uuid::Uuid>,
}

/// Stores a design.
#[utoipa::path(post, path = "/v1/designs", tag = "office", request_body = DesignBody, responses(
    (status = 201, description = "the design", body = DesignView),
    (status = 422, description = "wrong fields, or what is written could not be read", body = ProblemBody)))]
pub async fn create(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<DesignBody>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let shared = app.clone().into_inner();
    let view = app
        .into_inner()
        .transaction(move |connection| {
            let (new, _) = checked(connection, &principal, body.0)?;
            let stored = designs::store(connection, &new, &principal.key(), now)?;
            let subject = stored.id.to_string();
            shared.auth.audit.append(connection, now, &principal.key(), "design.created", &subject)?;
            DesignView::of(connection, &stored)
        })
        .await?;
    let address = format!("/v1/designs/{}", view.id);
    Ok(HttpResponse::Created().insert_header(("Location", address)).json(view))
}

/// Reads a design's fields, the logo too.
fn checked(
    connection: &mut PgConnection,
    principal: &Principal,
    body: DesignBody,
) -> Result<(NewDesign, Listed), Problem> {
    let organisation = scope::organisation_at(connection, principal, (&body.organisation, "#/organisation"))?;
    let colour = |text: &str, pointer: &'static str| {
        text.parse::<Rgb>()
            .map_err(|_| Problem::invalid_field(pointer, "must be #rrggbb", "нужен вид #rrggbb"))
    };
    let title = body.title.map(|title| title.trim().to_owned()).filter(|title| !title.is_empty());
    if title.as_ref().is_some_and(|title| title.chars().count() > TITLE_CHARS_MAX) {
        return Err(Problem::invalid_field("#/title", "is longer than 120 characters", "длиннее 120 знаков"));
    }
    let logo = match (body.logo, body.logo_of) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid_field(
                "#/logo_of",
                "comes without a logo",
                "либо файл, либо готовый логотип",
            ));
        }
        (Some(logo), None) => Some(logo_of_file(&logo)?),
        (None, Some(id)) => seen(connection, principal, DesignId(id))?.logo,
        (None, None) => None,
    };
    let new = NewDesign {
        organisation: organisation.organisation.id,
        base: colour(&body.base, "#/base")?,
        accent: colour(&body.accent, "#/accent")?,
        title,
        fields: fields(body.fields)?,
        logo,
    };
    let plain = Design { base: new.base, accent: new.accent, ..Design::default() };
    if plain.contrast() < CONTRAST_MIN {
        return Err(Problem::invalid_field(
            "#/accent",
            "neither white nor dark text could be read on both colours",
            "на этих двух цветах не прочитать ни светлый, ни тёмный текст",
        ));
    }
    Ok((new, organisation))
}

fn fields(asked: Option<Vec<String>>) -> Result<Vec<FaceField>, Problem> {
    let Some(asked) = asked else { return Ok(FaceField::ALL.to_vec()) };
    let mut fields: Vec<FaceField> = Vec::new();
    for (place, text) in asked.iter().enumerate() {
        match text.parse() {
            Ok(field) if !fields.contains(&field) => fields.push(field),
            _ => {
                return Err(Problem::invalid_field(
                    format!("#/fields/{place}"),
                    "is unknown or there twice",
                    "такого поля нет, или оно указано дважды",
                ));
            }
        }
    }
    Ok(fields)
}

fn logo_of_file(text: &str) -> Result<Vec<u8>, Problem> {
    let wrong = |en: String, ru: &'static str| Problem::invalid_field("#/logo", en, ru);
    let bytes = STANDARD.decode(text).map_err(|_| wrong("is no base64".to_owned(), "это не base64"))?;
    designs::logo(&bytes).map_err(|error| {
        let ru = match error {
            designs::LogoError::TooLong => "файл логотипа больше 1 МиБ",
            designs::LogoError::NotAPicture => "нужен файл PNG или JPEG",
            designs::LogoError::TooLarge => "сторона больше 4096 пикселей",
            designs::LogoError::Damaged => "файл повреждён",
        };
        wrong(error.to_string(), ru)
    })
}

/// A design one may see: of an organisation of one's own, or one above it.
fn seen(connection: &mut PgConnection, principal: &Principal, id: DesignId) -> Result<StoredDesign, Problem> {
    let stored = designs::find(connection, id)?.ok_or_else(Problem::not_found)?;
    let Some(root) = scope::root(principal)? else { return Ok(stored) };
    let path = organisations::find(connection, stored.organisation_id)?.path;
    let above = organisations::by_code(connection, &root)?.map(|root| root.organisation.path);
    let own = path.codes().contains(&root);
    let inherited =
        above.is_some_and(|above| path.codes().last().is_some_and(|code| above.codes().contains(code)));
    if own || inherited { Ok(stored) } else { Err(Problem::not_found()) }
}

/// One design, also one that another took the place of.
#[utoipa::path(get, path = "/v1/designs/{id}", tag = "office", params(("id" = String, Path)), responses(
    (status = 200, description = "the design", body = DesignView),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn show(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<DesignId>,
) -> Result<web::Json<DesignView>, Problem> {
    let principal = principal.into_inner();
    let view = app
        .into_inner()
        .run(move |connection| {
            let stored = seen(connection, &principal, id.0)?;
            DesignView::of(connection, &stored)
        })
        .await?;
    Ok(web::Json(view))
}

/// Takes an organisation's own design away: the one above holds again.
#[utoipa::path(delete, path = "/v1/designs/{id}", tag = "office", params(("id" = String, Path)), responses(
    (status = 204, description = "gone"),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn retire(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<DesignId>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    app.into_inner()
        .transaction(move |connection| {
            let stored = designs::find(connection, id.0)?.ok_or_else(Problem::not_found)?;
            let code = organisations::find(connection, stored.organisation_id)?.code;
            scope::organisation(connection, &principal, &code)?;
            if stored.retired_at.is_some() || !designs::retire(connection, stored.organisation_id, now)? {
                return Err(Problem::not_found());
            }
            Ok(())
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Whose name the sample shows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewQuery {
    /// Family name, given name, patronymic; a long one unless said.
    name: Option<String>,
    /// 300 (unless said) or 600.
    dpi: Option<u32>,
}

/// What a design looks like on a card.
#[utoipa::path(get, path = "/v1/designs/{id}/preview.png", tag = "office", params(("id" = String, Path), PreviewQuery), responses(
    (status = 200, description = "a face", content_type = "image/png"),
    (status = 404, description = "none, or not yours", body = ProblemBody)))]
pub async fn preview(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    id: IdPath<DesignId>,
    query: Query<PreviewQuery>,
) -> Result<HttpResponse, Problem> {
    let (principal, today) = (principal.into_inner(), union_registry::day_of(app.now()));
    let (name, resolution) = (query.0.name, resolution("dpi", query.0.dpi)?);
    let app = app.into_inner();
    let preview = app
        .run(move |connection| {
            let design = seen(connection, &principal, id.0)?;
            let organisation = organisations::find(connection, design.organisation_id)?;
            let union = organisations::root_of(connection, organisation.id)?.name;
            Ok(Preview { design, union, organisation: organisation.name, today, resolution })
        })
        .await?;
    Ok(png_answer(preview.picture(&app, name).await?))
}

/// A design that isn't stored yet, and whose name the sample shows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DesignPreviewBody)]
pub struct PreviewBody {
    design: DesignBody,
    /// Family name, given name, patronymic; a long one unless said.
    name: Option<String>,
}

/// What a design would look like: nothing is stored.
#[utoipa::path(post, path = "/v1/designs/preview", tag = "office", request_body = PreviewBody, responses(
    (status = 200, description = "a face", content_type = "image/png"),
    (status = 422, description = "wrong fields", body = ProblemBody)))]
pub async fn preview_of(
    app: web::Data<App>,
    principal: web::ReqData<Principal>,
    body: Json<PreviewBody>,
) -> Result<HttpResponse, Problem> {
    let (principal, now) = (principal.into_inner(), app.now());
    let PreviewBody { design, name } = body.0;
    let png = app
        .into_inner()
        .run(move |connection| {
            let (new, organisation) = checked(connection, &principal, design)?;
            let organisation = organisation.organisation;
            let union = organisations::root_of(connection, organisation.id)?.name;
            let today = union_registry::day_of(now);
            let holder = sample(name.as_deref(), (union, organisation.name), today);
            picture(&new.drawn(), &holder, Resolution::Dpi300)
        })
        .await?;
    Ok(png_answer(png))
}

/// 300 (unless said) or 600 dots an inch.
///
/// # Errors
/// 422
pub fn resolution(pointer: &str, dpi: Option<u32>) -> Result<Resolution, Problem> {
    let wrong = || Problem::invalid_field(pointer, "must be 300 or 600", "300 или 600");
    dpi.map_or(Ok(Resolution::Dpi300), |dpi| Resolution::of_dpi(dpi).ok_or_else(wrong))
}

/// Draws one face.
///
/// # Errors
/// The encoder's.
pub fn picture(design: &Design, holder: &Holder, resolution: Resolution) -> Result<Vec<u8>, Problem> {
    Plate::new(design, resolution).png(&Face::of(holder, design)).map_err(|error| Problem::internal(&error))
}

/// A picture with personal data on it: nobody on the way keeps it.
pub fn png_answer(png: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type("image/png").insert_header(("Cache-Control", "no-store")).body(png)
}

/// Whose card a preview shows.
pub fn sample(name: Option<&str>, (union, organisation): (String, String), today: NaiveDate) -> Holder {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    let name: String =
        name.unwrap_or("Константинопольская-Заблоцкая Александра Вячеславовна").chars().take(200).collect();
    let mut words = name.split_whitespace();
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (last_name, first_name) = (word(), word());
    Holder {
        number: CardNumber::parse(SAMPLE_NUMBER).expect("its check digit is right"),
        expires_on: today.checked_add_months(Months::new(60)).unwrap_or(today),
        last_name,
        first_name,
        middle_name: words.collect::<Vec<_>>().join(" "),
        membership_number: "000123456".to_owned(),
        joined_on: today.checked_sub_months(Months::new(120)).unwrap_or(today),
        union,
        organisation,
    }
}
