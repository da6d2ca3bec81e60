import { duration, moment } from "./format";
import type { Happening, Job, Snapshot } from "./model";

/** What happened, newest first, and the jobs. */
export function EventsPanel({ run }: { run: Snapshot }) {
  const events = run.events ?? [];
  const jobs = run.jobs ?? [];
  const total = run.jobs_total ?? jobs.length;
  return (
    <>
      <section class="qf-section" aria-label="Events, newest first">
        {events.length === 0 && <p class="qf-empty">Nothing has happened yet.</p>}
        <ol class="qf-events">
          {events.map((event) => (
            <Event key={`${event.kind} ${event.first} ${event.words}`} event={event} />
          ))}
        </ol>
      </section>
      {jobs.length > 0 && (
        <section class="qf-section qf-scroll" aria-label="Jobs">
          <Jobs jobs={jobs} total={total} />
        </section>
      )}
    </>
  );
}

function Event({ event }: { event: Happening }) {
  const again = event.times > 1 ? `${event.times.toLocaleString("en")} times since ${moment(event.first)}` : "";
  return (
    <li class={`qf-event qf-event-${event.kind}`}>
      <span class="qf-number">{moment(event.at)}</span>
      <span class="qf-kind">{event.kind}</span>
      <span class="qf-words">
        {event.words}
        {again && <span class="qf-sub">{` · ${again}`}</span>}
      </span>
    </li>
  );
}

const COLUMNS = ["job", "step", "backend", "state", "took", "circuits", "shots", "cost", "id at its provider"];

function Jobs({ jobs, total }: { jobs: Job[]; total: number }) {
  const priced = jobs.some((job) => job.cost !== null);
  const named = jobs.some((job) => job.provider_job !== null);
  const columns = COLUMNS.filter((name) => (name !== "cost" || priced) && (name !== COLUMNS.at(-1) || named));
  return (
    <table class="qf-jobs">
      <caption>{total > jobs.length ? `The latest ${jobs.length} of ${total.toLocaleString("en")} jobs` : "Jobs"}</caption>
      <thead>
        <tr>
          {columns.map((name) => (
            <th key={name} scope="col">{name}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {[...jobs].reverse().map((job) => (
          <tr key={job.job}>
            <th scope="row">{job.job}</th>
            <td>{job.step}</td>
            <td>{job.backend}</td>
            <td>{stateOf(job)}</td>
            <td class="qf-number">{job.to === null ? "" : duration(job.to - job.from)}</td>
            <td class="qf-number">{job.circuits.toLocaleString("en")}</td>
            <td class="qf-number">{job.shots.toLocaleString("en")}</td>
            {priced && <td class="qf-number">{job.cost ?? ""}</td>}
            {named && <td>{job.provider_job ?? ""}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const stateOf = (job: Job): string =>
  job.state === "open" ? (job.phases.at(-1)?.[0] ?? "queued") : job.state;
