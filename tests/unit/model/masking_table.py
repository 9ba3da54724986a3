"""150 command lines as people write them, half of them with a secret. Every secret here is made up."""

from __future__ import annotations

ORDINARY = tuple(
    line.split(" ␣ ")
    for line in r"""
/home/jane/anaconda3/envs/ML/bin/black
/opt/Python313/bin/black
/data/GSE12345/Sample3/reads
tests/Unit/API/V2/TestOrders
C:\Users\Jane\AppData\Local\Programs\Python\Python313\python.exe
D:\Projekte\Kunde42\Q3-Abschluss\Auswertung_v2.xlsx
/Users/jane/Library/Caches/pypoetry/virtualenvs/shop-7dKq2xYz-py3.12/bin/black
/nix/store/0c7sb5h4d1x8zk2vq9m3wy6l5n4r8p0a-python3-3.13.1/bin/python3
/home/me/.cache/huggingface/hub/models--bert/snapshots/86b5e0934494bd15c9632b12f734a8a67f723594/model.bin
/var/lib/docker/overlay2/3f1d0b6d2b5c4e0f9a8b7c6d5e4f30211f2e3d4c5b6a79880102030405060708/merged/app
.git/objects/3b/18e512dba79e4c8300dd08aeb37f8e728b8dad
src/package/subpackage/module_with_a_long_name.py::TestClass::test_method_2
/home/someone/Projects/Data2023/Results/FinalSummary_v2/Table1.csv
/scratch/RNASeq/HiSeq2500/Run42/L001/R1/FastQC/Sample7
/gpfs/Proj/ABC123/Sim/MD/Traj/Rep01/NVT/Eq2/Out
results/Exp07/Fold3/ResNet50/SGD/LR01/Seed42/Best
s3://my-bucket/GSE12345/Sample3/HiSeqX/Lane2/reads
gs://Bucket2/Images/ILSVRC2012/Val/Class042
file:///home/jane/Music/Beatles/AbbeyRoad/CD1/Track07
/mnt/c/Users/Jane/OneDrive/Documents/Uni/WS2023/PhysikII/Blatt07
/opt/intel/oneapi/mkl/2024.1/lib/intel64/libmkl_rt.so.2
/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30
/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/block/sda
/Applications/PyCharm.app/Contents/Resources/Helpers/Pydev/PydevD
~/Library/Mobile/Documents/Buch3/Kapitel12/EntwurfB
../Fixtures/XMLSchema/W3C/MS/Ex115/Test
./build/lib.linux-x86_64-cpython-313/Pkg/ExtA
/home/jane/miniforge3/pkgs/numpy-1.26.4-py312heda63a1_0/info/index.json
/tmp/pytest-of-jane/pytest-12/test_orders0/In/A1B2
conda/envs/R4Bioc318/lib/R/library/DESeq2/R
app/Http/Controllers/API/V1/OAuth2/LoginTest
com/Example/Shop3/Model/HTMLReport/PDFExport
proteins/AF-P69905-F1-model_v4.cif
HG00096.mapped.ILLUMINA.bwa.GBR.low_coverage.20120522.bam
GCF_000001405.40_GRCh38.p14_genomic.fna.gz
SRR1234567_GSM12345_HeLa_Rep1_R1.fastq
Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf
--model ␣ Qwen/Qwen2.5-Coder-7B-Instruct-GPTQ-Int4
sentence-transformers/all-MiniLM-L6-v2
--out=/data/GSE12345/Sample3/reads
--input ␣ /home/jane/anaconda3/envs/ML/share/Data7
-o/opt/Python313/bin/black
-I/usr/local/cuda-12.4/targets/x86_64-linux/include/CUB2
orders.py ␣ --days ␣ 30 ␣ data/2024-01-01/orders.csv
--max-tokens ␣ 100 ␣ --tokenizer ␣ bert-base-uncased
--password-file ␣ /run/secrets/db ␣ --no-password ␣ x
--sort-key ␣ name ␣ --key=size
-m ␣ pytest ␣ -k ␣ test_that_tokens_are_counted_and_something_more
https://example.org:8080/@scope/package
ssh://git@example.org/repo.git
git@example.org:Team/Repo2.git
jane@example.org
--id ␣ 123e4567-e89b-12d3-a456-426614174000
--session-id=0123456789abcdef0123456789abcdef
--commit ␣ 0123456789abcdef0123456789abcdef01234567
--sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
--checksum ␣ d41d8cd98f00b204e9800998ecf8427e
12345678901234567890123456789012345678901234567890
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
CamelCaseNamesOfClassesAreNotSecrets2
--auth ␣ basic ␣ --date=2024-11-20T10:11:12+00:00
--credentials ␣ service.json
-c ␣ for key in tokens: print(key == 3)
-c ␣ import os; print(os.environ.get('HOME', '/home/jane'))
--filter=lowpass ␣ --first-pass ␣ 3
--bypass ␣ cache
--compass=north
--config=setup.cfg ␣ --seed ␣ 42 ␣ --ratio=0.25
host=db user=me dbname=shop
http://localhost:8000/api/V2/Orders/2024/Q3/Summary
https://docs.example.org/Python3/HowTo/RegEx/Part2?page=3&sort=name
--proxy ␣ proxy.example.org:3128
redis://localhost:6379/0
tests/test_api.py::TestV2::test_OAuth2_login[Chrome120-EN]
--pattern=[A-Z]{3}\d{4}
""".strip().splitlines()
)
"""Words that must stay as they are; `` ␣ `` stands between words."""

SECRET = tuple(
    (words, secret)
    for line in r"""
x.py ␣ --token=abc → abc
--token ␣ hunter2 ␣ in.txt → hunter2
--password ␣ hunter2 → hunter2
--db-password=hunter2 ␣ -v → hunter2
--apiKey=hunter2 → hunter2
--api-key ␣ hunter2 → hunter2
API_TOKEN=hunter2 → hunter2
PGPASSWORD=hunter2 → hunter2
MYSQL_PWD=hunter2 → hunter2
-u ␣ me:hunter2 → hunter2
-uadmin ␣ --pass ␣ hunter2 → hunter2
--header=Cookie:session=hunter2 → hunter2
--header=Authorization: Bearer hunter2hunter → hunter2hunter
--header ␣ Cookie: session=hunter2 → hunter2
-HCookie: session=hunter2 → hunter2
-H ␣ Authorization: Bearer abcdef123456 → abcdef123456
-H ␣ X-Api-Key: hunter2 → hunter2
--jwt ␣ hunter2 → hunter2
--jwt=hunter2 → hunter2
--password:hunter2 → hunter2
/password:hunter2 → hunter2
--dbpass ␣ hunter2 → hunter2
--mysqlpwd=hunter2 → hunter2
--userpass=hunter2 → hunter2
--authtoken ␣ hunter2 → hunter2
--clientSecret=hunter2 → hunter2
--secrets ␣ hunter2,hunter3 → hunter3
--psk=hunter2 → hunter2
--passcode ␣ hunter2 → hunter2
--password=correct horse battery → horse
--proxy ␣ http://me:hunter2@proxy:3128 → hunter2
--proxy ␣ me:hunter2@proxy:3128 → hunter2
--set ␣ db.password=hunter2 → hunter2
--env ␣ SECRET_KEY=hunter2 → hunter2
-eAPI_KEY=hunter2 → hunter2
-c ␣ import os; os.environ['API_KEY']='hunter2'; run() → hunter2
-c ␣ import os; os.environ["DB_PASSWORD"] = "hunter2" → hunter2
-c ␣ import os; os.environ.setdefault('API_TOKEN', 'hunter2') → hunter2
-c ␣ import os; os.putenv("MYSQL_PWD", "hunter2") → hunter2
-c ␣ login(password='hunter2'); print(1) → hunter2
-c ␣ login(password=b'hunter2'); print(1) → hunter2
-c ␣ get(url, auth=('me', 'hunter2')) → hunter2
-c ␣ get(url, auth=HTTPBasicAuth('me', 'hunter2')) → hunter2
-c ␣ token = "hunter2" → hunter2
{"password": "hunter2", "user": "me"} → hunter2
--data={"user": "me", "api_key": "hunter2"} → hunter2
-d ␣ user=me&password=hunter2 → hunter2
host=db password=hunter2 user=me → hunter2
Server=db;Database=shop;Password=hunter2; → hunter2
DefaultEndpointsProtocol=https;AccountName=me;AccountKey=hunter2== → hunter2
https://user:hunter2@host/path?q=1 → hunter2
postgres://u:p@ss@host/db → p@ss
postgres://u:p/w@host/db → p/w
redis://:hunter2@localhost:6379/0 → hunter2
mongodb+srv://me:hun%23ter2@cluster0.example.net/shop → hun%23ter2
https://host/x?token=hunter2&page=2 → hunter2
https://host/cb#access_token=hunter2&state=x → hunter2
https://hooks.slack.com/services/T00000000/B00000000/abcdefghIJKL → abcdefghIJKL
https://discord.com/api/webhooks/1234567890/abcdefghIJKL → abcdefghIJKL
https://example.webhook.office.com/webhookb2/11111111-2222/IncomingWebhook/abcdef → abcdef
https://hooks.zapier.com/hooks/catch/123456/abcdef/ → abcdef
https://api.telegram.org/bot123456789:AAEhBOweik9ai2o01sdfsdfsdf-sdf/sendMessage → AAEhBOweik9ai2o01sdfsdfsdf-sdf
AKIAIOSFODNN7EXAMPLE → AKIAIOSFODNN7EXAMPLE
ghp_16C7e42F292c6912E7710c838347Ae178B4a → ghp_16C7e42F292c6912E7710c838347Ae178B4a
github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv → github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv
--key=sk-proj-abcDEF123456ghiJKL789012 → sk-proj-abcDEF123456ghiJKL789012
xoxb-123456789012-abcdefGHIJKL → xoxb-123456789012-abcdefGHIJKL
glpat-abcdefghij0123456789 → glpat-abcdefghij0123456789
eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl → c2lnbmF0dXJl
shpat_0123456789abcdef0123456789abcdef → 0123456789abcdef
hvs.CAESIJ1a2b3c4d5e6f7g8h9i0j → CAESIJ1a2b3c4d5e6f7g8h9i0j
wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY → wJalrXUtnFEMI
0f1e2d3c4b5a69788796a5b4c3d2e1f0 → 0f1e2d3c4b5a69788796a5b4c3d2e1f0
pT4xQ9vLm2Kz8RbW7cYd5HsN → pT4xQ9vLm2Kz8RbW7cYd5HsN
https://app.example.org/reset/pT4xQ9vLm2Kz8RbW7cYd5HsN → pT4xQ9vLm2Kz8RbW7cYd5HsN
""".strip().splitlines()
    for left, secret in (line.split(" → "),)
    for words in (left.split(" ␣ "),)
)
"""Words, and the text in them that must not show."""
