//! An export that is imported and exported again is the same, byte for byte.

use serde_json::{Value, json};

use crate::Deployment;

fn users() -> String {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
    let lines = [
        json!({"id": 300, "username": "Zoë ☃", "email": "Zoë@example.com", "password_hash": hash}),
        json!({"id": 7, "username": "bare"}),
        json!({
            "id": 20, "username": "all", "email": "all@example.com", "password_hash": hash, "status": "blocked",
            "must_change_password": true, "mfa_secret": "KBTSKUKRDJPEGCZK", "mfa_last_step": 56_666_666,
            "recovery_codes": ["f".repeat(64), "0".repeat(64)], "epoch": 12,
            "sessions_ended_at": "2022-11-19T18:15:22.642Z", "created_at": "2001-02-03T04:05:06.007Z",
            "updated_at": 1_668_881_722_643u64, "last_sign_in": "2022-11-19T18:15:22.644Z",
            "attributes": {
                "sso": {"tags": [3, 5], "role": null, "ext_id": -42},
                "another": {"z": {"b": [1.5, "é", null, {"y": true, "x": {}}], "a": ""}, "a": 7},
                "email": {"number_phone": "5551234567"},
            },
        }),
        json!({"id": 8, "username": "same@example.com", "email": "Same@Example.com", "status": "not_activated"}),
    ];
    lines.map(|line| line.to_string()).join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn export_of_an_imported_export_is_the_same_bytes() {
    let (first, second) = (Deployment::start().await, Deployment::start().await);
    first.write("users.jsonl", &users());
    let output = first.run(&["import", "jsonl", "users.jsonl"]);
    assert_eq!((output.counts(), output.code), ([4, 0, 0], Some(0)), "{}", output.err);
    let export = first.export();
    let ids: Vec<u64> = first.users().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [7, 8, 20, 300]);

    second.write("export.jsonl", &export);
    let output = second.run(&["import", "jsonl", "export.jsonl"]);
    assert_eq!((output.counts(), output.code), ([4, 0, 0], Some(0)), "{}", output.err);
    assert_eq!(second.export(), export);
    assert!(
        export.contains(r#""another":{"a":7,"z":{"a":"","b":[1.5,"é",null,{"x":{},"y":true}]}}"#),
        "{export}"
    );

    // The next user gets an id after the highest imported one.
    second.write("next.csv", "username\nnext\n");
    assert_eq!(second.run(&["import", "csv", "next.csv"]).counts(), [1, 0, 0]);
    assert!(second.users().contains(&(301, "next".to_owned())));
    // The epoch is one that no earlier user of the id had.
    let next: Value = serde_json::from_str(second.export().lines().last().unwrap()).unwrap();
    assert!(next["username"] == "next" && next["epoch"].as_u64().unwrap() > 1_700_000_000, "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_imports_the_same_members_as_json() {
    let deployment = Deployment::start().await;
    deployment.write(
        "users.csv",
        "id,username,email,status,mfa_secret,recovery_codes,epoch,created_at,sso.ext_id,sso.tags,email.first_name\r\n\
         1,anna,anna@example.com,active,,,0,2022-11-19T18:15:22.642Z,42,3 5,\"An\"\"na,\n\"\r\n\
         2,bert,,disabled,KBTSKUKRDJPEGCZK,0000000000000000000000000000000000000000000000000000000000000000,7,0,,,\r\n",
    );
    let output = deployment.run(&["import", "csv", "users.csv"]);
    assert_eq!(output.counts(), [2, 0, 0], "{}", output.err);
    assert_eq!(
        deployment.export(),
        concat!(
            r#"{"id":1,"username":"anna","email":"anna@example.com","status":"active","must_change_password":false,"#,
            r#""epoch":0,"created_at":"2022-11-19T18:15:22.642Z","updated_at":"2022-11-19T18:15:22.642Z","#,
            r#""attributes":{"email":{"first_name":"An\"na,\n"},"sso":{"ext_id":42,"tags":[3,5]}}}"#,
            "\n",
            r#"{"id":2,"username":"bert","status":"disabled","must_change_password":false,"#,
            r#""mfa_secret":"KBTSKUKRDJPEGCZK","#,
            r#""recovery_codes":["0000000000000000000000000000000000000000000000000000000000000000"],"epoch":7,"#,
            r#""created_at":"1970-01-01T00:00:00.000Z","updated_at":"1970-01-01T00:00:00.000Z"}"#,
            "\n",
        )
    );
}
