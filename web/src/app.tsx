// The frame of the page: name, navigation, what the engine got, the view, and a line that screen readers hear.
import { EngineStatus } from './parts/engine-status.tsx';
import { announcement, job } from './state/engine.ts';
import { route } from './state/route.ts';
import { type Route, routes } from './state/routes.ts';
import { live } from './state/training.ts';
import { ClassifyView } from './views/classify.tsx';
import { DesignView } from './views/design.tsx';
import { EvaluateView } from './views/evaluate.tsx';
import { ExploreView } from './views/explore.tsx';
import { FindView } from './views/find.tsx';
import { InspectView } from './views/inspect.tsx';
import { SimilarView } from './views/similar.tsx';
import { StudyView } from './views/study.tsx';
import { TrainView } from './views/train.tsx';

const views: Readonly<Record<Route, { readonly title: string; readonly View: () => preact.JSX.Element }>> = {
  classify: { title: 'Classify', View: ClassifyView },
  similar: { title: 'Similar', View: SimilarView },
  find: { title: 'Find', View: FindView },
  inspect: { title: 'Inspect', View: InspectView },
  design: { title: 'Design', View: DesignView },
  data: { title: 'Data', View: ExploreView },
  train: { title: 'Train', View: TrainView },
  evaluate: { title: 'Evaluate', View: EvaluateView },
  study: { title: 'Study', View: StudyView },
};

/** A training goes on while another view is looked at. */
function Running() {
  const training = live.value;
  if (job.value !== 'training' || !training?.progress || route.value === 'train') return null;
  const { epoch, epochs } = training.progress;
  return (
    <a class="going-on" href="#train">
      Training {training.model}: epoch {epoch} of {epochs}
    </a>
  );
}

export function App() {
  const { title, View } = views[route.value];
  document.title = `${title} · Selvedge`;
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header>
        <div class="edge" aria-hidden="true" />
        <div class="top">
          <a class="brand" href="#classify">
            Selvedge
          </a>
          <nav aria-label="Views">
            <ul>
              {routes.map((name) => (
                <li key={name}>
                  <a href={`#${name}`} aria-current={name === route.value ? 'page' : undefined}>
                    {views[name].title}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <EngineStatus />
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Running />
        <View />
      </main>
      <footer>
        <p>Everything is computed in this tab, on this processor. No picture and no file leaves the device.</p>
      </footer>
      <p class="unseen" role="status" aria-live="polite">
        {announcement.value}
      </p>
    </>
  );
}
