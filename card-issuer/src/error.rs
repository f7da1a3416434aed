//! Why a card could not be issued, found or changed.

use shared_kernel::ids::CardId;

use crate::cards::CardKind;
use crate::keys::NoKeyVersion;
use crate::life::CardStatus;
use crate::print::{BatchId, BatchStatus};

/// The one error of this crate's database functions. Refusals of codes and resolutions are values of their own, told
/// one by one.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// There is no such card.
    #[error("no card {0}")]
    Unknown(CardId),
    /// The member has a living card of this kind.
    #[error("the member already has a {0} card")]
    AlreadyHas(CardKind),
    /// The card is not in a state from which this can happen.
    #[error("a card that is {from} cannot become {to}")]
    Transition {
        /// What the card is.
        from: CardStatus,
        /// What was asked for.
        to: CardStatus,
    },
    /// Another card has been issued instead of it.
    #[error("card {0} has been replaced")]
    Replaced(CardId),
    /// The member has as many family cards as one may.
    #[error("a member has at most {0} family cards")]
    TooManyFamilyCards(usize),
    /// Only family cards have limits of their own.
    #[error("not a family card")]
    NotFamily,
    /// A card has as many drawing devices as it may.
    #[error("a card has at most {0} devices")]
    TooManyDevices(usize),
    /// Live codes are drawn for virtual cards only.
    #[error("a plastic card has no live code")]
    Plastic,
    /// Every number of the programme has been used: [`crate::numbering::open_next`] must be called.
    #[error("card numbers of this programme have run out")]
    NumbersExhausted,
    /// There is no such print batch.
    #[error("no print batch {0}")]
    BatchUnknown(BatchId),
    /// The batch is not in a state from which this can happen.
    #[error("the batch is {0}")]
    BatchState(BatchStatus),
    /// The card is not waiting in this batch to be handed out.
    #[error("card {0} is not waiting in this batch")]
    NotInPrint(CardId),
    /// What a device's codes were derived from is not here.
    #[error(transparent)]
    KeyVersion(#[from] NoKeyVersion),
    /// The database's.
    #[error(transparent)]
    Database(diesel::result::Error),
}

impl From<diesel::result::Error> for CardError {
    /// An exhausted sequence (SQLSTATE 2200H) has no kind of its own in diesel; its message names the sequence.
    fn from(error: diesel::result::Error) -> Self {
        match &error {
            diesel::result::Error::DatabaseError(_, info)
                if info.message().contains("reached maximum value of sequence") =>
            {
                Self::NumbersExhausted
            }
            _ => Self::Database(error),
        }
    }
}
