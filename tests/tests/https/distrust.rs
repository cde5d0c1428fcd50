use lxio_core::session::{ErrorKind, Remote};
use lxio_core::wire::{Authorities, Distrust, Fingerprint, Identity, TlsError, Trust};
use lxio_tests::actor::Connect;
use lxio_tests::on_all_adapters;
use lxio_tests::tls::{Front, Papers, file, pin};

use super::{is_said, refusal, served, somebody, tls_error};

on_all_adapters!(
    a_certificate_that_is_not_the_pinned_one,
    a_certificate_that_no_authority_vouches_for,
    a_certificate_that_is_only_looked_at,
    the_right_certificate_is_enough,
);

fn with(front: &Front, trust: impl Into<Trust>) -> Remote {
    somebody(Remote::https(&front.url()).unwrap().trust(trust))
}

fn fingerprint(certificate: &str) -> Fingerprint {
    // Any key will do to read one.
    let pem = file(certificate).unwrap();
    Identity::from_pem(&pem, &file("client/ec-p256.pkcs8.key").unwrap()).unwrap().fingerprint()
}

/// Connecting fails for this reason, and the server learned nothing.
#[track_caller]
fn is_distrusted<A: Connect>(papers: &Papers, certificate: &str, trust: impl Into<Trust>, why: Distrust) {
    let (server, front) = served(papers);
    let error = refusal::<A>(with(&front, trust));
    let print = fingerprint(certificate);
    let sentence = format!("the server's certificate {why} (its fingerprint is {print})");
    is_said(&error, ErrorKind::UnverifiedServer, &sentence);
    assert!(matches!(tls_error(&error), TlsError::Distrusted { why: told, .. } if *told == why));
    assert_eq!(error.server_certificate().unwrap().fingerprint(), print);
    let seen = front.until_over();
    assert_eq!(seen.len(), 1, "a wrong server is not tried again");
    assert_eq!((seen[0].heard, &seen[0].client, seen[0].resumed), (0, &None, None), "{seen:?}");
    // It is told why.
    assert!(seen[0].failed.as_ref().is_some_and(|alert| alert.contains("alert")), "{seen:?}");
    assert_eq!(server.accepted(), 0);
}

fn a_certificate_that_is_not_the_pinned_one<A: Connect>() {
    let (own, good) = ("server/self-signed.crt", "server/good.crt");
    is_distrusted::<A>(&Papers::OWN, own, pin(good).unwrap(), Distrust::NotPinned);
    is_distrusted::<A>(&Papers::signed(good), good, pin(own).unwrap(), Distrust::NotPinned);
    // A pin is no authority: what it has signed is another certificate.
    is_distrusted::<A>(&Papers::signed(good), good, pin("server/ca.crt").unwrap(), Distrust::NotPinned);
    is_distrusted::<A>(&Papers::OWN, own, fingerprint(good), Distrust::NotPinned);
    is_distrusted::<A>(&Papers::OWN, own, Fingerprint::new([0; 32]), Distrust::NotPinned);
}

fn a_certificate_that_no_authority_vouches_for<A: Connect>() {
    let authorities = Authorities::from_pem(&file("server/ca.crt").unwrap()).unwrap();
    let revoking = authorities.clone().revoking(&file("server/ca.crl").unwrap()).unwrap();
    for (certificate, why) in [
        ("server/expired.crt", Distrust::Expired),
        ("server/early.crt", Distrust::NotYetValid),
        ("server/elsewhere.crt", Distrust::WrongHost),
        ("server/revoked.crt", Distrust::Revoked),
    ] {
        is_distrusted::<A>(&Papers::signed(certificate), certificate, revoking.clone(), why);
    }
    let own = "server/self-signed.crt";
    is_distrusted::<A>(&Papers::OWN, own, authorities, Distrust::UnknownAuthority);
    // Who is trusted by nobody in particular must be known to this machine.
    is_distrusted::<A>(&Papers::OWN, own, Trust::System, Distrust::UnknownAuthority);
}

fn a_certificate_that_is_only_looked_at<A: Connect>() {
    let (_server, front) = served(&Papers::OWN);
    let first = refusal::<A>(with(&front, Trust::System));
    let shown = first.server_certificate().unwrap().clone();
    drop(A::connect(with(&front, shown)).unwrap());
    let seen = front.until_over();
    assert!(seen[0].client.is_none() && seen[1].client.is_some(), "{seen:?}");
}

/// What the others fail by is all that is wrong with them.
fn the_right_certificate_is_enough<A: Connect>() {
    let authorities = Authorities::from_pem(&file("server/ca.crt").unwrap()).unwrap();
    let authorities = authorities.revoking(&file("server/ca.crl").unwrap()).unwrap();
    for (papers, trust) in [
        (Papers::OWN, pin("server/self-signed.crt").unwrap()),
        (Papers::OWN, fingerprint("server/self-signed.crt").into()),
        (Papers::signed("server/expired.crt"), pin("server/expired.crt").unwrap()),
        (Papers::signed("server/good.crt"), authorities.into()),
        (Papers::OWN, Trust::DangerAnyone),
    ] {
        let (server, front) = served(&papers);
        drop(A::connect(with(&front, trust)).unwrap());
        let seen = front.until_over();
        assert!(seen[0].client.is_some() && seen[0].heard > 0, "{seen:?}");
        assert_eq!(server.requests()[0].field("authorization").unwrap(), "Bearer a-token-of-somebody");
    }
}
