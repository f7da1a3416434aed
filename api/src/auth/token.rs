//! Access tokens: the one place that signs and checks them. jsonwebtoken alone would take a token without an audience,
//! from the future, with an unknown `crit` or good for a thousand years.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::oauth::Scopes;

const ISSUER: &str = "unioncard";
const AUDIENCE: &str = "unioncard-api";
const TYPE: &str = "at+jwt";
/// No longer token is looked at.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;
/// How far another machine's clock may be off.
const LEEWAY_SECONDS: i64 = 5;
/// No token of ours lives longer.
const LIFE_SECONDS_MAX: i64 = 3_600;

shared_kernel::text_enum!(
    /// Whom a token speaks for.
    Realm {
        /// A member.
        Member => "member",
        /// Somebody of the staff.
        Staff => "staff",
        /// A partner's program.
        Client => "client",
        /// Somebody else's wallet, for a member.
        Wallet => "wallet",
    }
);

/// What a checked token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whom it speaks for.
    pub realm: Realm,
    /// The member, login or API client.
    pub subject: Uuid,
    /// The session, or a wallet's grant; a partner's program has none.
    pub session: Option<Uuid>,
    /// What a wallet's token opens; the others have none.
    pub scopes: Option<Scopes>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    jti: String,
    iat: i64,
    exp: i64,
    realm: Realm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sid: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

impl Claims {
    fn new(
        realm: Realm,
        subject: Uuid,
        session: Option<Uuid>,
        (now, life): (DateTime<Utc>, TimeDelta),
    ) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: subject.to_string(),
            jti: Uuid::now_v7().to_string(),
            iat: now.timestamp(),
            exp: (now + life).timestamp(),
            realm,
            sid: session,
            scope: None,
        }
    }
}

/// The header of our own tokens has these three and nothing else: no `crit`, no `jku`, `x5u` or `jwk`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// A key that signs and checks.
pub struct SigningKey {
    /// Its name in the header.
    pub kid: String,
    /// The public part, as in `/.well-known/jwks.json`.
    pub jwk: Jwk,
    signs: EncodingKey,
    checks: DecodingKey,
}

impl SigningKey {
    /// The key of a 32-byte Ed25519 seed.
    ///
    /// # Errors
    /// When the cryptographic library refuses the seed.
    pub fn from_seed(kid: &str, seed: &[u8; 32]) -> Result<Self, jsonwebtoken::errors::Error> {
        /// PKCS #8 around a bare Ed25519 seed (RFC 8410 §7).
        const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        let signs = EncodingKey::from_ed_der(&[PKCS8.as_slice(), seed.as_slice()].concat());
        let mut jwk = Jwk::from_encoding_key(&signs, Algorithm::EdDSA)?;
        jwk.common.key_id = Some(kid.to_owned());
        jwk.common.public_key_use = Some(jsonwebtoken::jwk::PublicKeyUse::Signature);
        let checks = match &jwk.algorithm {
            AlgorithmParameters::OctetKeyPair(pair) => DecodingKey::from_ed_components(&pair.x)?,
            _ => return Err(jsonwebtoken::errors::ErrorKind::InvalidEddsaKey.into()),
        };
        Ok(Self { kid: kid.to_owned(), jwk, signs, checks })
    }

    /// A token for `subject`, good for `life` from `now` on.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sign(
        &self,
        realm: Realm,
        subject: Uuid,
        session: Option<Uuid>,
        now: DateTime<Utc>,
        life: TimeDelta,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        self.signed(&Claims::new(realm, subject, session, (now, life)))
    }

    /// A token for somebody else's wallet: what it opens of a member by which grant, good for `life` from `now` on.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sign_scoped(
        &self,
        (member, grant): (Uuid, Uuid),
        scopes: &Scopes,
        now: DateTime<Utc>,
        life: TimeDelta,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims::new(Realm::Wallet, member, Some(grant), (now, life));
        self.signed(&Claims { scope: Some(scopes.to_string()), ..claims })
    }

    fn signed(&self, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.signs)
    }

    /// What the token says, if it is one of ours, signed by this key and good at `now`.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Option<Verified> {
        if kid(token)? != self.kid {
            return None;
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        // The times are checked below, by the program's clock.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.checks, &validation).ok()?.claims;
        let moment = now.timestamp();
        let life = claims.exp.checked_sub(claims.iat)?;
        let timely = claims.iat <= moment + LEEWAY_SECONDS && claims.exp > moment - LEEWAY_SECONDS;
        let has_session = claims.sid.is_some() == (claims.realm != Realm::Client);
        let has_scope = claims.scope.is_some() == (claims.realm == Realm::Wallet);
        if !timely || !(1..=LIFE_SECONDS_MAX).contains(&life) || !has_session || !has_scope {
            return None;
        }
        let scopes = match &claims.scope {
            Some(text) => Some(Scopes::parse(text)?),
            None => None,
        };
        Uuid::try_parse(&claims.jti).ok()?;
        Some(Verified {
            realm: claims.realm,
            subject: Uuid::try_parse(&claims.sub).ok()?,
            session: claims.sid,
            scopes,
            expires_at: DateTime::from_timestamp(claims.exp, 0)?,
        })
    }
}

/// The id of the key a token names, if the token looks like one of ours at all.
pub fn kid(token: &str) -> Option<String> {
    if token.len() > TOKEN_BYTES_MAX || !token.is_ascii() {
        return None;
    }
    let (header, rest) = token.split_once('.')?;
    if rest.split('.').count() != 2 {
        return None;
    }
    let header: OwnHeader = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let ours = header.alg == "EdDSA" && header.typ == TYPE && kid_is_well_formed(&header.kid);
    ours.then_some(header.kid)
}

fn kid_is_well_formed(kid: &str) -> bool {
    (8..=32).contains(&kid.len())
        && kid.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
