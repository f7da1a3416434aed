//! The whole matrix of who and which route: who isn't listed is refused before anything is read, and who is, is not.

use harness::server;
use unioncard::routes;

use crate::bad_inputs::filled;
use crate::people::People;

#[test]
fn every_route_refuses_whom_it_does_not_list() {
    let server = server();
    let people = People::of(&server);
    let mut wrong = Vec::new();
    for entry in routes::table().iter().filter(|entry| !entry.access.public) {
        let (method, path) = (entry.method.as_str(), filled(entry.path));
        // A body nobody could read: rights come before it.
        let ask = |client: &harness::Client| {
            let json = [("content-type", "application/json")];
            if method == "GET" { client.get(&path) } else { client.send(method, &path, &json, b"{") }
        };
        assert_eq!(ask(&people.nobody).problem(401), "unauthenticated", "{method} {path}");
        for person in people.signed_in.iter().filter(|person| !person.may(&entry.access)) {
            let answer = ask(&person.client);
            if answer.status != 403 {
                wrong.push(format!("{}: {method} {path} answered {}", person.name, answer.status));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
