//! Why a receipt can't be claimed, or a claim not decided.

use cashback_engine::claims::ClaimRefusal;
use cashback_engine::posting::FiscalKind;

use super::unprocessable;
use crate::problem::Problem;

/// The claim isn't open any more.
pub fn claim_ended() -> Problem {
    Problem::conflict("claim-ended", "The claim has ended", "Заявка уже закрыта")
}

/// The claim's sale is reserved.
pub fn claim_authorized() -> Problem {
    Problem::conflict(
        "claim-authorized",
        "The sale is reserved and waits for its capture, which will confirm the claim",
        "Эта покупка зарезервирована и ждёт проведения: оно и подтвердит заявку",
    )
    .detail("capture it, or give up what is reserved", "проведите её или снимите резерв")
}

/// Who approves a claim is another than its member.
pub fn claim_own() -> Problem {
    Problem::conflict(
        "claim-own",
        "This is your own claim: somebody else decides it",
        "Это ваша собственная заявка: её решает кто-то другой",
    )
}

/// Why a receipt can't be claimed.
pub fn claim(refusal: ClaimRefusal) -> Problem {
    match refusal {
        ClaimRefusal::NotASale(FiscalKind::SaleReturn) => unprocessable(
            "claim-not-a-sale",
            "This is a return's receipt: it comes with the refund",
            "Это чек возврата: он приходит вместе с возвратом",
        ),
        ClaimRefusal::NotASale(_) => {
            unprocessable("claim-not-a-sale", "This receipt is no sale's", "Это не чек продажи")
        }
        ClaimRefusal::Sum => unprocessable(
            "claim-sum",
            "The receipt's sum must be above 0.00 and at most 10,000,000.00",
            "Сумма чека должна быть больше 0,00 и не больше 10 000 000,00",
        ),
        ClaimRefusal::TooOld => {
            unprocessable("claim-too-old", "The receipt is older than 30 days", "Чеку больше 30 дней")
        }
        ClaimRefusal::Future => {
            unprocessable("claim-future", "The receipt's time lies ahead", "Время чека ещё не наступило")
        }
        ClaimRefusal::NotEnrolled => Problem::conflict(
            "claim-not-enrolled",
            "You were not in the bonus programme at the time of the receipt",
            "Когда пробили этот чек, вы не участвовали в бонусной программе",
        ),
        ClaimRefusal::Credited(own) => {
            let problem = Problem::conflict(
                "claim-credited",
                "Cashback for this receipt has been credited already",
                "По этому чеку кешбэк уже начислен",
            );
            match own {
                Some(purchase) => problem.detail(
                    format!("it is your purchase {purchase}"),
                    format!("это ваша покупка {purchase}"),
                ),
                None => problem,
            }
        }
        ClaimRefusal::Claimed { own: true } => Problem::conflict(
            "claim-exists",
            "You have sent this receipt already",
            "Вы уже отправили этот чек",
        ),
        ClaimRefusal::Claimed { own: false } => Problem::conflict(
            "claim-exists",
            "Somebody has sent this receipt already",
            "Этот чек уже отправил другой участник",
        ),
        ClaimRefusal::DeclinedBefore => Problem::conflict(
            "claim-declined",
            "Your claim of this receipt was declined",
            "Вашу заявку по этому чеку отклонили",
        ),
    }
}

/// Who had no card then claims nothing of that time.
pub fn claim_without_card() -> Problem {
    Problem::conflict(
        "claim-no-card",
        "You had no valid card at the time of this purchase",
        "В момент этой покупки у вас не было действующей карты",
    )
}
