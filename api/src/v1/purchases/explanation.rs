//! Why a purchase brought what it brought, on the wire.

use cashback_engine::PurchaseId;
use cashback_engine::purchases::Explanation;
use cashback_engine::texts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Language;

/// The explanation of a purchase.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Explanation)]
pub struct ExplanationView {
    #[schema(value_type = uuid::Uuid)]
    purchase_id: PurchaseId,
    /// In sentences, in the reader's language.
    lines: Vec<String>,
}

impl ExplanationView {
    /// The explanation in a language.
    pub fn new(purchase: PurchaseId, explanation: &Explanation, language: Language) -> Self {
        Self { purchase_id: purchase, lines: texts::sentences(explanation, language.engine()) }
    }
}
