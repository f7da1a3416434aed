//! The certificate of passes, and the signatures made with it: detached CMS (RFC 5652) over the manifest's very bytes,
//! with the signer's certificate, the intermediate above it and the time of signing.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use chrono::{DateTime, Datelike, Utc};
use cms::cert::x509::Certificate;
use cms::cert::x509::attr::Attribute;
use cms::cert::x509::der::asn1::{Any, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use cms::cert::x509::der::{self, Decode, Encode, pem};
use cms::cert::x509::name::Name;
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use cms::cert::x509::time::Time;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use sha2::{Digest, Sha256};

const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ID_SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_TIME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const USER_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1");
const ORGANISATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

/// Why certificates can't be used, or a signature not made.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The file holds no PEM block of this kind.
    #[error("no {0} in PEM")]
    Missing(&'static str),
    /// A block can't be read.
    #[error("the {0} can't be read")]
    Unreadable(&'static str),
    /// The certificate isn't one of passes.
    #[error("the certificate's subject names no {0}")]
    Subject(&'static str),
    /// The key is another certificate's.
    #[error("the key is not the certificate's")]
    OtherKey,
    /// The intermediate is another's.
    #[error("the intermediate certificate did not issue the certificate")]
    OtherIssuer,
    /// Not valid yet, or no longer.
    #[error("a certificate is valid from {0} to {1}")]
    Validity(String, String),
    /// What shouldn't happen with a key that was checked.
    #[error("the signature can't be made")]
    Signature,
    /// The same.
    #[error("the signature can't be written: {0}")]
    Encoding(#[from] der::Error),
}

/// Signs passes.
pub struct Signer {
    key: RsaKeyPair,
    certificates: CertificateSet,
    sid: SignerIdentifier,
    pass_type: String,
    team: String,
    last_moment: DateTime<Utc>,
    certificates_der: Vec<Vec<u8>>,
    key_der: Vec<u8>,
}

impl Signer {
    /// Of the certificate of passes, its RSA key (PKCS #8 or PKCS #1) and Apple's intermediate (WWDR), each in PEM. They
    /// are checked against each other and the present moment.
    ///
    /// # Errors
    /// [`SigningError`] that names what is wrong.
    pub fn from_pem(
        certificate: &str,
        key: &str,
        intermediate: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, SigningError> {
        let (own, own_der) = one_certificate(certificate, "certificate")?;
        let (above, above_der) = one_certificate(intermediate, "intermediate certificate")?;
        let subject = &own.tbs_certificate.subject;
        let pass_type = named(subject, USER_ID).ok_or(SigningError::Subject("pass type (UID)"))?;
        let team = named(subject, ORGANISATIONAL_UNIT).ok_or(SigningError::Subject("team (OU)"))?;
        if own.tbs_certificate.issuer != above.tbs_certificate.subject {
            return Err(SigningError::OtherIssuer);
        }
        let last_moment = valid_at(&own, now)?.min(valid_at(&above, now)?);
        let (key, key_der) = private_key(key)?;
        let public = own.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes();
        if key.public_key().as_ref() != public {
            return Err(SigningError::OtherKey);
        }
        let sid = SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: own.tbs_certificate.issuer.clone(),
            serial_number: own.tbs_certificate.serial_number.clone(),
        });
        let both = [own, above].map(CertificateChoices::Certificate);
        Ok(Self {
            key,
            certificates: CertificateSet(SetOfVec::try_from(Vec::from(both))?),
            sid,
            pass_type,
            team,
            last_moment,
            certificates_der: vec![own_der, above_der],
            key_der,
        })
    }

    /// The certificate's pass type: `pass.…`
    pub fn pass_type(&self) -> &str {
        &self.pass_type
    }

    /// The certificate's team.
    pub fn team(&self) -> &str {
        &self.team
    }

    /// When the certificate, or the one above it, ends.
    pub fn last_moment(&self) -> DateTime<Utc> {
        self.last_moment
    }

    /// The certificate and the intermediate in DER: what a connection to Apple is made with.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates_der
    }

    /// The certificate's key in DER (PKCS #8).
    pub fn key_der(&self) -> &[u8] {
        &self.key_der
    }

    /// A detached signature over these very bytes, as DER.
    ///
    /// # Errors
    /// [`SigningError::Signature`], [`SigningError::Encoding`]: neither happens with a key that was checked.
    pub fn sign(&self, content: &[u8], now: DateTime<Utc>) -> Result<Vec<u8>, SigningError> {
        let digest = OctetString::new(Sha256::digest(content).to_vec())?;
        let attributes = SetOfVec::try_from(vec![
            attribute(CONTENT_TYPE, Any::encode_from(&ID_DATA)?)?,
            attribute(SIGNING_TIME, Any::encode_from(&utc(now)?)?)?,
            attribute(MESSAGE_DIGEST, Any::encode_from(&digest)?)?,
        ])?;
        let signed = attributes.to_der()?;
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &signed, &mut signature)
            .map_err(|_| SigningError::Signature)?;
        let sha_256 = AlgorithmIdentifierOwned { oid: SHA_256, parameters: None };
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: self.sid.clone(),
            digest_alg: sha_256.clone(),
            signed_attrs: Some(attributes),
            signature_algorithm: AlgorithmIdentifierOwned { oid: RSA, parameters: Some(Any::null()) },
            signature: OctetString::new(signature)?,
            unsigned_attrs: None,
        };
        let data = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![sha_256])?,
            encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
            certificates: Some(self.certificates.clone()),
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
        };
        let content = Any::encode_from(&data)?;
        Ok(ContentInfo { content_type: ID_SIGNED_DATA, content }.to_der()?)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("pass_type", &self.pass_type).finish_non_exhaustive()
    }
}

fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, SigningError> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![value])? })
}

/// The time of signing; RFC 5652 §11.3 asks for this form up to 2049.
fn utc(at: DateTime<Utc>) -> Result<UtcTime, SigningError> {
    let seconds = u64::try_from(at.timestamp()).map_err(|_| SigningError::Signature)?;
    if at.year() > i32::from(UtcTime::MAX_YEAR) {
        return Err(SigningError::Signature);
    }
    Ok(UtcTime::from_unix_duration(std::time::Duration::from_secs(seconds))?)
}

/// The PEM blocks of a file, whatever stands around them: exports from a keychain begin with attributes.
fn blocks(file: &str) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
    file.split_inclusive("-----END ").zip(file.split("-----END ").skip(1)).filter_map(|(before, after)| {
        let begin = before.rfind("-----BEGIN ")?;
        let end = after.split_inclusive("-----").next()?;
        let block = format!("{}{end}\n", before.get(begin..)?).replace('\r', "");
        let (label, bytes) = pem::decode_vec(block.as_bytes()).ok()?;
        Some((label.to_owned(), bytes))
    })
}

fn one_certificate(file: &str, what: &'static str) -> Result<(Certificate, Vec<u8>), SigningError> {
    let (_, bytes) =
        blocks(file).find(|(label, _)| label == "CERTIFICATE").ok_or(SigningError::Missing(what))?;
    let certificate = Certificate::from_der(&bytes).map_err(|_| SigningError::Unreadable(what))?;
    // It is written anew into every signature: what would come out differently wouldn't be the one that was issued.
    if certificate.to_der()? == bytes {
        Ok((certificate, bytes))
    } else {
        Err(SigningError::Unreadable(what))
    }
}

fn private_key(file: &str) -> Result<(RsaKeyPair, Vec<u8>), SigningError> {
    let (label, bytes) =
        blocks(file).find(|(label, _)| label.ends_with("PRIVATE KEY")).ok_or(SigningError::Missing("key"))?;
    let read = match label.as_str() {
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&bytes),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&bytes),
        _ => return Err(SigningError::Unreadable("key (RSA, without a password)")),
    };
    let key = read.map_err(|_| SigningError::Unreadable("key (RSA, without a password)"))?;
    let pkcs8: Pkcs8V1Der<'static> = key.as_der().map_err(|_| SigningError::Unreadable("key"))?;
    let pkcs8 = pkcs8.as_ref().to_vec();
    Ok((key, pkcs8))
}

/// A part of a subject, as text.
fn named(name: &Name, oid: ObjectIdentifier) -> Option<String> {
    let parts = name.0.iter().flat_map(|part| part.0.iter());
    let value = parts.filter(|part| part.oid == oid).map(|part| part.value.value()).next()?;
    std::str::from_utf8(value).ok().map(str::to_owned)
}

/// When a certificate's time ends, if it is running.
fn valid_at(certificate: &Certificate, now: DateTime<Utc>) -> Result<DateTime<Utc>, SigningError> {
    let validity = &certificate.tbs_certificate.validity;
    let instant = |time: &Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
        DateTime::from_timestamp(seconds, 0)
    };
    let bounds = instant(&validity.not_before).zip(instant(&validity.not_after));
    match bounds {
        Some((from, until)) if from <= now && now <= until => Ok(until),
        _ => Err(SigningError::Validity(validity.not_before.to_string(), validity.not_after.to_string())),
    }
}
