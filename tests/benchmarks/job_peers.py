"""The scripts that one would write in place of `rotator run`.

Both make the same calls of Secrets Manager and of the token endpoint as it does, and check nothing.
"""

TWO_LIBRARIES = """
import json, sys
from datetime import datetime, timedelta, timezone
import boto3, requests

credentials_secret, token_secret = sys.argv[1:]
client = boto3.client("secretsmanager")
answer = client.batch_get_secret_value(SecretIdList=[credentials_secret, token_secret])
secrets = {each["Name"]: json.loads(each["SecretString"]) for each in answer["SecretValues"]}
now = datetime.now(timezone.utc)
if datetime.fromisoformat(secrets[token_secret]["expires_at"]) - now < timedelta(hours=1):
    credentials = secrets[credentials_secret]
    response = requests.post(credentials["token_url"], timeout=30, data={
        "grant_type": "client_credentials", "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"],
        "scope": "openid,AdobeID,read_organizations"})
    response.raise_for_status()
    token = response.json()
    expires_at = now + timedelta(seconds=token["expires_in"])
    client.put_secret_value(SecretId=token_secret, SecretString=json.dumps(
        {"access_token": token["access_token"], "expires_at": expires_at.isoformat()}))
"""

FOUR_LIBRARIES = """
import json, sys
from datetime import datetime, timedelta, timezone
import boto3, requests, structlog
from authlib.integrations.requests_client import OAuth2Session

log = structlog.get_logger()
credentials_secret, token_secret = sys.argv[1:]
client = boto3.client("secretsmanager")
answer = client.batch_get_secret_value(SecretIdList=[credentials_secret, token_secret])
secrets = {each["Name"]: json.loads(each["SecretString"]) for each in answer["SecretValues"]}
now = datetime.now(timezone.utc)
if datetime.fromisoformat(secrets[token_secret]["expires_at"]) - now < timedelta(hours=1):
    credentials = secrets[credentials_secret]
    session = OAuth2Session(
        credentials["client_id"], credentials["client_secret"],
        scope="openid,AdobeID,read_organizations",
        token_endpoint_auth_method="client_secret_post")
    try:
        token = session.fetch_token(
            credentials["token_url"], grant_type="client_credentials", timeout=30)
    except requests.RequestException:
        log.exception("failed")
        raise
    expires_at = now + timedelta(seconds=token["expires_in"])
    client.put_secret_value(SecretId=token_secret, SecretString=json.dumps(
        {"access_token": token["access_token"], "expires_at": expires_at.isoformat()}))
    log.info("rotated", expires_at=expires_at.isoformat())
else:
    log.info("not due")
"""
