use lxio_core::api::{instance, raw};
use lxio_core::session::Remote;
use lxio_tests::actor::Connect;
use lxio_tests::on_all_adapters;
use lxio_tests::tls::{Front, Papers};

use super::{at, served, somebody};

on_all_adapters!(the_pool_saves_all_of_it, a_session_is_taken_up_again, who_is_forgotten_starts_anew);

/// Of each connection, whether it took up an earlier session.
fn resumed<A: Connect>(papers: &Papers, remote: impl Fn(&Front) -> Remote, calls: usize) -> Vec<bool> {
    let (_server, front) = served(papers);
    let mut actor = A::connect(remote(&front)).unwrap();
    for _ in 0..calls {
        actor.call(raw::get("/1.0/x").json()).unwrap();
    }
    drop(actor);
    front.until_over().into_iter().map(|seen| seen.resumed.unwrap()).collect()
}

fn the_pool_saves_all_of_it<A: Connect>() {
    assert_eq!(resumed::<A>(&Papers::OWN, |front| somebody(at(&front.url())), 20), [false]);
}

fn a_session_is_taken_up_again<A: Connect>() {
    let fresh = |front: &Front| somebody(at(&front.url())).idle(0);
    assert_eq!(resumed::<A>(&Papers::OWN, fresh, 4), [false, true, true, true, true]);
    let old = |front: &Front| fresh(front).tls12();
    assert_eq!(resumed::<A>(&Papers::OWN.old(), old, 2), [false, true, true]);

    // The sockets of one command, which are made at the same time, as far as the server has given out tickets;
    // and each shows who the client is.
    let (_server, front) = served(&Papers::OWN);
    let mut actor = A::connect(somebody(at(&front.url()))).unwrap();
    actor.run(instance("web").exec(["true"])).unwrap();
    drop(actor);
    let seen = front.until_over();
    assert!(seen.iter().filter(|seen| seen.resumed == Some(true)).count() >= 2, "{seen:?}");
    assert!(seen.iter().all(|one| one.client.is_some() && one.client == seen[0].client), "{seen:?}");
}

fn who_is_forgotten_starts_anew<A: Connect>() {
    let fresh = |front: &Front| somebody(at(&front.url())).idle(0);
    assert_eq!(resumed::<A>(&Papers::OWN.forgetful(), fresh, 2), [false; 3]);
    // Another client knows nothing of it, be it of the same program.
    let (_server, front) = served(&Papers::OWN);
    for _ in 0..2 {
        drop(A::connect(fresh(&front)).unwrap());
    }
    assert!(front.until_over().iter().all(|seen| seen.resumed == Some(false)));
}
