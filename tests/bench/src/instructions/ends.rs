//! What the judge of announcements costs: instructions for each end of a turn, and the memory of its tables.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, ensure};
use latchkey_adapter::micro;
use tokio::process::Command;

use super::total;

/// Rounds of the shorter run and of the longer one.
const FEW: usize = 1;
const MANY: usize = 6;

/// How agents' turns end, with an announcement and without, in the languages that are judged.
const ENDS: [&str; 28] = [
    "The loader reads the file twice, which explains the flicker. Let me fix that in `src/loader.rs`:",
    "All three call sites are updated and the tests pass. The cache is now keyed by tenant, so that the stale entries are gone.",
    "问题定位到了：`parseDate` 没有处理时区。我来把它改成用 UTC 解析。",
    "已经完成：缓存现在按租户区分，测试全部通过。如果还需要调整，请告诉我。",
    "Der Index ist um eins verschoben. Ich korrigiere jetzt die Schleife in `src/index.rs`.",
    "Alle Tests laufen durch, und die Konfiguration ist angepasst. Sag Bescheid, wenn noch etwas fehlt.",
    "El índice está desplazado. Ahora voy a corregir el bucle en `src/index.rs`.",
    "Todas las pruebas pasan y la configuración está actualizada. Avísame si falta algo.",
    "L'index est décalé d'une unité. Je vais maintenant corriger la boucle dans `src/index.rs`.",
    "Tous les tests passent et la configuration est à jour. N'hésitez pas si quelque chose manque.",
    "L'indice è spostato di uno. Ora correggo il ciclo in `src/index.rs`.",
    "Tutti i test passano e la configurazione è aggiornata. Fammi sapere se manca qualcosa.",
    "インデックスが一つずれています。これから `src/index.rs` のループを修正します。",
    "すべてのテストが通り、設定も更新しました。他にあればお知らせください。",
    "인덱스가 하나 밀려 있습니다. 이제 `src/index.rs`의 반복문을 수정하겠습니다.",
    "모든 테스트가 통과했고 설정도 업데이트했습니다. 더 필요하면 말씀해 주세요.",
    "De index is één verschoven. Ik pas nu de lus in `src/index.rs` aan.",
    "Alle tests slagen en de configuratie is bijgewerkt. Laat het me weten als er iets ontbreekt.",
    "Indeks jest przesunięty o jeden. Teraz poprawię pętlę w `src/index.rs`.",
    "Wszystkie testy przechodzą, a konfiguracja została zaktualizowana. Daj znać, jeśli czegoś brakuje.",
    "O índice está deslocado em um. Agora vou corrigir o laço em `src/index.rs`.",
    "Todos os testes passam e a configuração foi atualizada. Me avise se faltar algo.",
    "Индекс сдвинут на единицу. Сейчас исправлю цикл в `src/index.rs`.",
    "Все тесты проходят, конфигурация обновлена. Дайте знать, если чего-то не хватает.",
    "İndeks bir kaymış. Şimdi `src/index.rs` içindeki döngüyü düzeltiyorum.",
    "Tüm testler geçiyor ve yapılandırma güncellendi. Eksik bir şey varsa haber verin.",
    "Chỉ số bị lệch một. Bây giờ tôi sẽ sửa vòng lặp trong `src/index.rs`.",
    "Tất cả kiểm thử đều qua và cấu hình đã được cập nhật. Hãy cho tôi biết nếu còn thiếu gì.",
];

/// Judges all of them so many times over.
///
/// # Errors
/// When not half of them are announcements.
pub(crate) fn judge(rounds: usize) -> anyhow::Result<()> {
    for _ in 0..rounds {
        let announced = micro::announce(ENDS);
        ensure!(announced * 2 == ENDS.len(), "{announced} of {} ends announce a call", ENDS.len());
    }
    Ok(())
}

/// Counts both, by name.
pub(super) async fn count() -> anyhow::Result<BTreeMap<String, u64>> {
    let directory = tempfile::Builder::new().prefix("latchkey-judge-").tempdir()?;
    let out = directory.path().join("out");
    let few = instructions(FEW, &out).await?;
    let many = instructions(MANY, &out).await?;
    ensure!(many > few, "{MANY} rounds took {many} instructions, {FEW} took {few}");
    let none = kept_bytes(0, &out).await?;
    let tables = kept_bytes(FEW, &out).await?;
    let ends = (ENDS.len() * (MANY - FEW)) as u64;
    let costs =
        [("instructions an end", (many - few) / ends), ("bytes of tables", tables.saturating_sub(none))];
    Ok(costs.into_iter().map(|(name, count)| (name.to_owned(), count)).collect())
}

async fn instructions(rounds: usize, out: &Path) -> anyhow::Result<u64> {
    run(&["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())], rounds).await?;
    total(out)
}

/// What is allocated and not given back.
async fn kept_bytes(rounds: usize, out: &Path) -> anyhow::Result<u64> {
    let said = run(&["--tool=dhat", &format!("--dhat-out-file={}", out.display())], rounds).await?;
    // "At t-end:  1,234 bytes in 5 blocks" (valgrind 3.19, DHAT)
    let bytes = said.split_once("t-end:").and_then(|(_, rest)| rest.trim_start().split_once(" bytes"));
    let (bytes, _) = bytes.with_context(|| format!("dhat told no bytes at the end: {said}"))?;
    fs::remove_file(out)?;
    Ok(bytes.replace(',', "").parse()?)
}

/// This program under valgrind; gives what valgrind says.
async fn run(tool: &[&str], rounds: usize) -> anyhow::Result<String> {
    let own = std::env::current_exe()?;
    let mut command = Command::new("valgrind");
    command.args(tool).arg(own).args(["judge", &rounds.to_string()]);
    let output = command.output().await.context("cannot run valgrind; is it installed?")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "the judge failed under valgrind: {said}");
    Ok(said)
}
