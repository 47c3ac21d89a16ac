-- A service's user in the database of the task hubs. The MSSQL provider makes its schema at the first start of a durable
-- service, for which its user must own the database; once the schema and its role dt_runtime are there
-- (microsoft/durabletask-mssql, docs/multitenancy.md), the user has that role and no more: run this again then.
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = '$(user)')
  CREATE USER [$(user)] FROM EXTERNAL PROVIDER;
IF EXISTS (SELECT 1 FROM sys.database_principals WHERE name = 'dt_runtime')
BEGIN
  ALTER ROLE dt_runtime ADD MEMBER [$(user)];
  IF IS_ROLEMEMBER('db_owner', '$(user)') = 1 ALTER ROLE db_owner DROP MEMBER [$(user)];
END
ELSE
  ALTER ROLE db_owner ADD MEMBER [$(user)];
GO
