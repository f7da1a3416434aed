//! A purchase on the wire.

use cashback_engine::PurchaseId;
use cashback_engine::balances::Balance;
use cashback_engine::posting::Line;
use cashback_engine::purchases::{Cashback, Purchase, RuleShare};
use serde::Serialize;
use shared_kernel::money::Money;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::posting::Answer;
use crate::v1::types::Timestamp;

/// A purchase. Of what was posted, `amount`, `redeemed` and `paid` stay as they were; `captured` tells what of it was
/// sold where that was less, `refunded` what came back (what was not captured among it), and `cashback` and `commission`
/// are what is left, in the answer to posting what was given.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Purchase)]
pub struct PurchaseView {
    #[schema(value_type = uuid::Uuid)]
    id: PurchaseId,
    /// `posted`, `authorized`, `voided`, `refunded` or `partly_refunded`.
    status: &'static str,
    outlet: String,
    receipt: String,
    #[schema(value_type = String, example = "1000.00")]
    amount: Money,
    /// The part paid with points.
    #[schema(value_type = String, example = "300.00")]
    redeemed: Money,
    /// `amount` less `redeemed`.
    #[schema(value_type = String, example = "700.00")]
    paid: Money,
    cashback: CashbackView,
    /// The union's commission.
    #[schema(value_type = String, example = "21.00")]
    commission: Money,
    /// What came back, of `amount`.
    #[schema(value_type = String, example = "0.00")]
    refunded: Money,
    /// What was sold in the end, where a purchase in two steps was captured for less than `amount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    captured: Option<CapturedView>,
    /// When it was bought; where the purchase is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Timestamp>,
    /// The receipt's lines and what is left of each; where the purchase is read and has lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<LineView>>,
    /// The member's balance after it: in the answer to a live code alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<BalanceView>,
}

/// What was captured of a purchase in two steps; later refunds leave it as it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Captured)]
struct CapturedView {
    #[schema(value_type = String, example = "600.00")]
    amount: Money,
    /// The part paid with points.
    #[schema(value_type = String, example = "180.00")]
    redeemed: Money,
    /// `amount` less `redeemed`: what the buyer pays.
    #[schema(value_type = String, example = "420.00")]
    paid: Money,
}

/// A line of a purchase.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PurchaseLine)]
struct LineView {
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<String>,
    #[schema(value_type = String, example = "600.00")]
    amount: Money,
    /// What was not returned of it.
    #[schema(value_type = String, example = "600.00")]
    left: Money,
}

/// A purchase's cashback.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cashback)]
struct CashbackView {
    #[schema(value_type = String, example = "42.00")]
    amount: Money,
    /// `none`, `pending`, `available` or `held`.
    status: &'static str,
    /// From when it can be spent.
    #[schema(value_type = Option<String>, format = DateTime)]
    available_at: Option<Timestamp>,
    /// Until the end of which day.
    expires_on: Option<chrono::NaiveDate>,
    rules: Vec<RuleShareView>,
    /// Why there is none, or less: a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A rule's part of the cashback.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RuleShare)]
struct RuleShareView {
    id: Uuid,
    version: i32,
    name: String,
    #[schema(value_type = String, example = "42.00")]
    amount: Money,
}

/// What a till may see of a balance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TillBalance)]
pub struct BalanceView {
    #[schema(value_type = String, example = "215.40")]
    pending: Money,
    #[schema(value_type = String, example = "1437.83")]
    available: Money,
}

impl From<&Balance> for BalanceView {
    fn from(balance: &Balance) -> Self {
        Self { pending: balance.pending, available: balance.available }
    }
}

impl PurchaseView {
    /// The answer to posting: cashback and commission as first given.
    pub fn given(answer: &Answer) -> Self {
        let purchase = &answer.purchase;
        let cashback = CashbackView::new(&purchase.cashback, purchase.cashback.given, |rule| rule.given);
        let balance = answer.balance.as_ref().map(BalanceView::from);
        Self { balance, ..Self::new(purchase, cashback, purchase.commission) }
    }

    /// The purchase as it is now: what refunds left of cashback and commission.
    pub fn now(purchase: &Purchase) -> Self {
        let cashback = CashbackView::new(&purchase.cashback, purchase.cashback.left, |rule| rule.left);
        let lines = purchase.lines.as_ref().map(|lines| {
            lines.iter().zip(&purchase.lines_left).map(|(line, left)| LineView::new(line, *left)).collect()
        });
        let occurred_at = Some(Timestamp(purchase.occurred_at));
        Self { occurred_at, lines, ..Self::new(purchase, cashback, purchase.commission_left) }
    }

    fn new(purchase: &Purchase, cashback: CashbackView, commission: Money) -> Self {
        Self {
            id: purchase.id,
            status: purchase.status.as_str(),
            outlet: purchase.outlet.clone(),
            receipt: purchase.receipt.clone(),
            amount: purchase.amount,
            redeemed: purchase.redeemed,
            paid: purchase.paid,
            cashback,
            commission,
            refunded: purchase.refunded,
            captured: CapturedView::of(purchase),
            occurred_at: None,
            lines: None,
            balance: None,
        }
    }
}

impl CapturedView {
    fn of(purchase: &Purchase) -> Option<Self> {
        let (amount, redeemed) = (purchase.sold, purchase.sold_redeemed);
        (amount != purchase.amount).then_some(Self { amount, redeemed, paid: amount - redeemed })
    }
}

impl LineView {
    fn new(line: &Line, left: Money) -> Self {
        Self {
            sku: line.sku.clone(),
            category: line.category.clone(),
            quantity: line.quantity.clone(),
            amount: line.amount,
            left,
        }
    }
}

impl CashbackView {
    fn new(cashback: &Cashback, amount: Money, of_rule: impl Fn(&RuleShare) -> Money) -> Self {
        Self {
            amount,
            status: cashback.status.as_str(),
            available_at: cashback.available_at.map(Timestamp),
            expires_on: cashback.expires_on,
            rules: cashback
                .rules
                .iter()
                .map(|rule| RuleShareView {
                    id: rule.id.0,
                    version: rule.version,
                    name: rule.name.clone(),
                    amount: of_rule(rule),
                })
                .collect(),
            reason: cashback.reason.map(|reason| reason.to_string()),
        }
    }
}
