//! `hnn export --weights`: what is exported, validated and inspected is one model in fewer bits.

use std::fs;

use super::expect;

const TRAIN: [&str; 10] =
    ["train", "--system", "pendulum", "--model", "mlp", "--hidden", "24,24", "--steps", "40", "--out"];

fn record(directory: &std::path::Path, export: &str) -> serde_json::Value {
    let text = fs::read_to_string(directory.join(export).join("manifest.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap()["device"].clone()
}

#[test]
fn a_network_in_fewer_bits_is_smaller_and_agrees_with_its_onnx_files() {
    let directory = tempfile::tempdir().unwrap();
    expect(directory.path(), 0, &[&TRAIN[..], &["run"]].concat());
    let mut sizes = Vec::new();
    for weights in ["f32", "f16", "int8"] {
        let (stdout, _) = expect(directory.path(), 0, &["export", "run", "--weights", weights, "--out", weights]);
        assert_eq!(stdout.contains(&format!("as {weights}")), weights != "f32", "{stdout}");
        expect(directory.path(), 0, &["validate", weights]);
        let record = record(directory.path(), weights);
        // 24 × 24 and 24 × 2; the row that reads the energy out stays f32.
        assert_eq!(
            record["weights"][weights].as_u64().unwrap() % (24 * 24 + 24 * 2),
            if weights == "f32" { 24 } else { 0 }
        );
        let (inspected, _) = expect(directory.path(), 0, &["inspect", &format!("{weights}/model.hnn"), "--json"]);
        assert!(inspected.contains(&format!("\"{weights}\"")), "{inspected}");
        sizes.push(record["flash_bytes"].as_u64().unwrap());
    }
    let [whole, half, byte] = sizes[..] else { panic!("{sizes:?}") };
    assert_eq!(whole - half, 2 * (24 * 24 + 24 * 2));
    // A scale for each row of two matrices.
    assert_eq!(whole - byte, 3 * (24 * 24 + 24 * 2) - 4 * (24 + 24));
}
