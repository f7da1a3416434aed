//! A chain of certificates made by ourselves, shaped like Apple's: a root, an intermediate like WWDR, the certificate of
//! passes. Phones refuse what it signs; everything else about a pass is as with Apple's own.

use chrono::{DateTime, Datelike, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};

/// `UID` of a subject.
const USER_ID: [u64; 7] = [0, 9, 2342, 19_200_300, 100, 1, 1];
/// How long the chain is good for.
const YEARS: i32 = 10;

/// The chain in PEM.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The root: what trusts the rest.
    pub root: String,
    /// The intermediate.
    pub intermediate: String,
    /// The certificate of passes.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// Makes a chain for a pass type and team.
///
/// # Errors
/// The maker's, when a key can't be drawn.
pub fn made(pass_type: &str, team: &str, now: DateTime<Utc>) -> Result<Chain, rcgen::Error> {
    let root = authority("Unioncard self-made root", None, now)?;
    let intermediate = authority("Unioncard self-made WWDR", Some(&root), now)?;
    let mut params = params(&format!("Pass Type ID: {pass_type}"), now);
    params.distinguished_name.push(DnType::CustomDnType(USER_ID.to_vec()), pass_type);
    params.distinguished_name.push(DnType::OrganizationalUnitName, team);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::EmailProtection];
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
    let certificate = params.signed_by(&key, &intermediate)?;
    Ok(Chain {
        root: root.pem(),
        intermediate: intermediate.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

fn params(name: &str, now: DateTime<Utc>) -> CertificateParams {
    let mut params = CertificateParams::default();
    // From last year on: clocks of other machines may be behind.
    params.not_before = rcgen::date_time_ymd(now.year() - 1, 1, 1);
    params.not_after = rcgen::date_time_ymd(now.year() + YEARS, 1, 1);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    params
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str, above: Option<&Authority>, now: DateTime<Utc>) -> Result<Authority, rcgen::Error> {
    let mut params = params(name, now);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(u8::from(above.is_none())));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
    match above {
        None => CertifiedIssuer::self_signed(params, key),
        Some(above) => CertifiedIssuer::signed_by(params, key, above),
    }
}
