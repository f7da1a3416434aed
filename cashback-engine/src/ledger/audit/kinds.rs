//! Which transfers each kind of posting calls for (money.md, "Accounts").

use crate::ledger::account::AccountKind;
use crate::ledger::account::AccountKind::{
    Adjustments, Available, Breakage, Commission, Debt, Funding, Losses, Pending, Receivable, Reserved,
    Solidarity,
};

/// Whether a posting of this kind may move from one account to the other.
pub(super) fn fits(kind: &str, debit: AccountKind, credit: AccountKind) -> bool {
    let pays = matches!(debit, Receivable | Funding);
    let earns = pays && matches!(credit, Pending | Available);
    let settles = debit == Available && matches!(credit, Debt | Breakage);
    let pair = (debit, credit);
    match kind {
        "purchase" => earns || settles || matches!(pair, (Receivable, Commission) | (Available, Receivable)),
        "capture" => earns || settles || matches!(pair, (Receivable, Commission) | (Reserved, Receivable)),
        "authorise" => pair == (Available, Reserved),
        "void" => settles || pair == (Reserved, Available),
        "release" => settles || pair == (Pending, Available),
        "debt_repaid" => settles,
        "expire" => pair == (Available, Breakage),
        "refund" => {
            let gives = pays || matches!(debit, Pending | Available | Breakage | Debt);
            (gives && matches!(credit, Receivable | Funding))
                || settles
                || matches!(pair, (Commission, Receivable) | (Receivable, Available))
        }
        "donation" => pair == (Available, Solidarity),
        "write_off" => debit == Losses && matches!(credit, Debt | Receivable),
        "merge" => (debit == credit && debit.is_members()) || settles,
        // What corrects touches the account of corrections, and what became available pays debt.
        "adjustment" => debit == Adjustments || credit == Adjustments || settles,
        // From the member's accounts to the funders, as a refund's cashback; the commission stays.
        "clawback" => {
            let gives = matches!(debit, Pending | Available | Breakage | Debt);
            (gives && matches!(credit, Receivable | Funding)) || settles
        }
        _ => false,
    }
}

/// Whether a posting of this kind has a transfer always; the others may come to 0.00.
pub(super) fn moves_always(kind: &str) -> bool {
    matches!(kind, "release" | "debt_repaid" | "expire" | "adjustment" | "write_off" | "donation")
}

/// Whether a posting of this kind changes a purchase that was made before.
pub(super) fn changes_purchase(kind: &str) -> bool {
    matches!(kind, "capture" | "void" | "refund" | "clawback")
}
