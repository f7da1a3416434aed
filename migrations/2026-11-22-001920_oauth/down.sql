DROP TABLE platform.oauth_refresh_tokens;
DROP TABLE platform.oauth_codes;
DROP TABLE platform.oauth_grants;
DROP TABLE platform.oauth_apps;
