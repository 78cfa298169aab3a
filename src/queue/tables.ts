// The tables of a queue beside pg-boss's own: works and results, reports, checkpoints, verifications, workers. SQL as text; who runs it is
// database-queue.ts. Invariant: every statement may run twice, and times are the database's own: clocks of workers may differ by hours.
//
//   work ──< report          what a work reported after a step, with the digest of the weights then
//     │└──── checkpoint      the artefact to go on from
//     ├────< verification    what another worker came to
//     └────< difference      where two came to other bits
//   worker                   who is there, with version and kernels

export const makeTables = `
create schema if not exists selvedge;
create table if not exists selvedge.work (
  key text primary key, line text not null, work text not null, ordering int not null default 0,
  generation int not null default 0, last_step int, result jsonb, digest text, worker text,
  filed_on timestamptz not null default now(), finished_on timestamptz
);
alter table selvedge.work add column if not exists after text[] not null default '{}';
create index if not exists work_after on selvedge.work using gin (after) where result is null;
create index if not exists work_waiting on selvedge.work (line) where result is null;
create table if not exists selvedge.report (
  key text not null, step int not null, value double precision not null, digest text not null,
  duration_ms double precision not null, worker text not null, primary key (key, step)
);
create table if not exists selvedge.checkpoint (key text primary key, step int not null, artefact text not null);
create table if not exists selvedge.verification (
  key text not null, worker text not null, digest text, primary key (key, worker)
);
create table if not exists selvedge.difference (
  key text not null, worker text not null, digest text not null, other_worker text not null, other_digest text not null,
  primary key (key, worker, digest)
);
create table if not exists selvedge.artefact (digest text primary key, bytes bytea not null);
create table if not exists selvedge.worker (
  name text primary key, version text not null, kernels text not null, threads int not null,
  seen_on timestamptz not null default now(), barred text
);
alter table selvedge.worker add column if not exists lines text[] not null default '{}';`;

/** $1 keys, $2 lines, $3 texts, $4 orders, $5 keys of the works before each, as JSON. A text that somebody has changed is put right: a key has one. */
export const fileWorks = `
insert into selvedge.work (key, line, work, ordering, after)
select key, line, work, ordering, array(select jsonb_array_elements_text(after::jsonb))
from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[]) as filed (key, line, work, ordering, after)
on conflict (key) do update set work = excluded.work where selvedge.work.work <> excluded.work`;

/** Whether all that a work comes after is done. */
const isReady = `not exists (
  select from unnest(w.after) as before (key) left join selvedge.work b on b.key = before.key
  where b.result->>'status' is distinct from 'done'
)`;

/** $1 keys. Those that still want a job, and can be done now. */
export const unfinishedWorks = `
select key, line, ordering, generation from selvedge.work w where key = any($1::text[]) and result is null and ${isReady}`;

/** $1 key. Works without a result that come after it. */
const afterThis = 'select key from selvedge.work where after @> array[$1::text] and result is null';
export const worksAfter = afterThis;

/** $1 key. A work, and whether it can be done now. */
export const workToDo = `
select work, result, worker, ${isReady} as ready from selvedge.work w where key = $1`;

/** $1 keys. */
export const worksByKey = `
select key, result, digest, worker from selvedge.work where key = any($1::text[])`;

/** $1 keys. */
export const reportsByKey = `
select key, step, value, digest, duration_ms, worker from selvedge.report where key = any($1::text[]) order by key, step`;

/** $1 key, $2 step, $3 value, $4 digest, $5 milliseconds, $6 worker, $7 artefact or null. What stood there before stays. */
export const keepReport = `
with reported as (
  insert into selvedge.report (key, step, value, digest, duration_ms, worker)
  values ($1::text, $2::int, $3::double precision, $4::text, $5::double precision, $6::text) on conflict (key, step) do nothing
), kept as (
  insert into selvedge.checkpoint (key, step, artefact)
  select $1::text, $2::int, $7::text where $7::text is not null
  on conflict (key) do update set step = excluded.step, artefact = excluded.artefact
  where excluded.step >= selvedge.checkpoint.step
)
select w.last_step, r.digest, r.worker from selvedge.work w left join selvedge.report r on r.key = w.key and r.step = $2::int
where w.key = $1::text`;

/** $1 key, $2 result, $3 digest or null, $4 worker. Answers whether this is the first result, and what came after this work. */
export const keepResult = `
with kept as (
  update selvedge.work set result = $2::jsonb, digest = $3::text, worker = $4::text, finished_on = now()
  where key = $1::text and result is null returning key
)
select exists (select from kept) as is_first, array(${afterThis}) as after`;

/** $1 key, $2 worker, $3 digest or null. Of a result that was forgotten meanwhile nothing was verified. */
export const keepVerification = `
insert into selvedge.verification (key, worker, digest)
select key, $2::text, $3::text from selvedge.work where key = $1::text and result is not null on conflict do nothing`;

/** $1 keys, $2 who stands for nobody. */
export const verifiedWorks = `
select distinct key from selvedge.verification where key = any($1::text[]) and worker <> $2::text`;

/** $1 keys, $2 worker. */
export const verifiedBy = `
select key from selvedge.verification where key = any($1::text[]) and worker = $2::text`;

/** $1 key, $2 worker, $3 digest, $4 other worker, $5 other digest. */
export const keepDifference = `
insert into selvedge.difference (key, worker, digest, other_worker, other_digest) values ($1, $2, $3, $4, $5)
on conflict do nothing`;

/** $1 key. Its next job has another id. */
export const renewWork = `
update selvedge.work set generation = generation + 1 where key = $1`;

/** $1 key, $2 step. */
export const endWorkAfter = `
update selvedge.work set last_step = least(coalesce(last_step, $2::int), $2::int) where key = $1 and result is null`;

/** $1 keys. Answers what is to be filed anew. */
export const forgetResults = `
with reports as (delete from selvedge.report where key = any($1::text[])),
checkpoints as (delete from selvedge.checkpoint where key = any($1::text[])),
verifications as (delete from selvedge.verification where key = any($1::text[])),
differences as (delete from selvedge.difference where key = any($1::text[]))
update selvedge.work set result = null, digest = null, worker = null, finished_on = null, last_step = null,
  generation = generation + 1
where key = any($1::text[]) returning key`;

/** $1 name, $2 version, $3 kernels, $4 threads, $5 lines. */
export const keepWorker = `
insert into selvedge.worker (name, version, kernels, threads, lines) values ($1, $2, $3, $4, $5)
on conflict (name) do update set version = excluded.version, kernels = excluded.kernels, threads = excluded.threads,
  lines = excluded.lines, seen_on = now()
returning barred`;

const isPresent = `seen_on > now() - interval '15 seconds' and barred is null`;

export const presentWorkers = `
select name, version, kernels, threads from selvedge.worker where ${isPresent} order by name`;

/** $1 keys. Whether somebody is there who looks into their lines and has not their results. */
export const canVerify = `
select exists (
  select from selvedge.work w join selvedge.worker p on w.line = any(p.lines) and p.name is distinct from w.worker
  where w.key = any($1::text[]) and ${isPresent}
) as can`;

export const waitingLines = `
select line, count(*)::int as count, min(work) as work, min(key) as key from selvedge.work where result is null group by line order by line`;

/** $1 key. */
export const checkpointOf = `
select c.step, c.artefact, coalesce((
  select jsonb_object_agg(r.step, r.digest) from selvedge.report r where r.key = c.key and r.step <= c.step and r.digest <> ''
), '{}'::jsonb) as digests from selvedge.checkpoint c where c.key = $1`;
