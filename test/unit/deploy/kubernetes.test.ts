import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as keda from '@kubernetes-models/keda/keda.sh/v1alpha1';
import * as apps from 'kubernetes-models/apps/v1';
import * as batch from 'kubernetes-models/batch/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { importTriggers } from '../../../src/watcher/triggers/file.ts';
import type { Manifest } from '../../support/manifests.ts';
import { built, idOf, typeErrors } from '../../support/manifests.ts';

const FOLDER = 'deploy/kubernetes';
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const MODULES: Readonly<Record<string, [name: string, models: object]>> = {
  v1: ['kubernetes-models/v1', core],
  'apps/v1': ['kubernetes-models/apps/v1', apps],
  'batch/v1': ['kubernetes-models/batch/v1', batch],
  'policy/v1': ['kubernetes-models/policy/v1', policy],
  'networking.k8s.io/v1': ['kubernetes-models/networking.k8s.io/v1', networking],
  'keda.sh/v1alpha1': ['@kubernetes-models/keda/keda.sh/v1alpha1', keda],
};
const { resources, files } = built(`${FOLDER}/example`);
const all = [...built(`${FOLDER}/base`).resources, ...resources];
const typed = all.map((value) => ({
  module: MODULES[value.apiVersion]?.[0] ?? '',
  type: `I${value.kind}`,
  value,
}));
const find = (id: string): Manifest => {
  const found = resources.find((one) => idOf(one) === id);
  if (found === undefined) throw new Error(`there is no ${id}`);
  return found;
};
const podOf = (one: Manifest) => one.spec.template.spec;
const workloads = resources.filter(({ kind }) => ['Deployment', 'Job'].includes(kind));

describe('the manifests for Kubernetes', () => {
  it('are of known kinds, and fit the schemas of Kubernetes and KEDA', () => {
    expect(all.length).toBeGreaterThan(20);
    for (const one of all) {
      const [, models = {}] = MODULES[one.apiVersion] ?? [];
      const Model = (models as Record<string, new (data: object) => { validate(): void }>)[one.kind];
      if (Model === undefined) throw new Error(`${idOf(one)} is of no known kind`);
      expect(() => new Model(one).validate(), idOf(one)).not.toThrow();
    }
  });

  it('have no member that Kubernetes would ignore', async () => {
    expect(await typeErrors(typed)).toBe('');
    const [first] = typed.filter(({ value }) => value.kind === 'Deployment');
    const misspelt = { ...first?.value, spec: { ...first?.value.spec, replica: 2 } };
    expect(await typeErrors([{ module: '', type: '', ...first, value: misspelt }])).toContain('"replica"');
  });

  it('use each file of the folder', () => {
    const present = readdirSync(`${ROOT}${FOLDER}`, { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(?:yaml|ts)$/.test(path))
      .map((path) => `${FOLDER}/${path}`);
    expect(files.toSorted()).toEqual(present.toSorted());
  });

  it.each(workloads.map((one) => [idOf(one), one]))(
    '%s runs without rights, on a read-only root',
    (_, one) => {
      const { securityContext, containers } = podOf(one);
      expect(securityContext).toMatchObject({
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      const user = /^USER (\d+):(\d+)$/m.exec(
        readFileSync(`${ROOT}Dockerfile`, 'utf8').split('HEALTHCHECK')[0] ?? '',
      );
      expect(user?.slice(1)).toEqual(['10001', String(securityContext.fsGroup)]);
      for (const container of containers) {
        expect(container.securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    },
  );

  it('name secrets, mounts, accounts and settings that exist', () => {
    const names = (kind: string) =>
      resources.filter((one) => one.kind === kind).map((one) => one.metadata.name);
    const readme = readFileSync(`${ROOT}${FOLDER}/README.md`, 'utf8');
    for (const { serviceAccountName, containers, volumes } of workloads.map(podOf)) {
      if (serviceAccountName !== undefined) expect(names('ServiceAccount')).toContain(serviceAccountName);
      const [{ env = [], envFrom = [], volumeMounts }] = containers;
      for (const { configMapRef } of envFrom) expect(names('ConfigMap')).toContain(configMapRef.name);
      for (const { name, secret, configMap } of volumes) {
        expect(volumeMounts.map((mount: Manifest) => mount.name)).toContain(name);
        if (configMap !== undefined) expect(names('ConfigMap')).toContain(configMap.name);
        if (secret !== undefined) expect(readme).toContain(`create secret generic ${secret.secretName} `);
      }
      const file = env.find(({ name }: Manifest) => name === 'DATABASE_URL_FILE').value;
      const [mount] = volumeMounts.filter(({ mountPath }: Manifest) => file.startsWith(`${mountPath}/`));
      expect(readme).toContain(`--from-file=${file.slice(mount.mountPath.length + 1)}`);
    }
    for (const budget of resources.filter(({ kind }) => kind === 'PodDisruptionBudget')) {
      expect(find(`Deployment ${budget.metadata.name}`).spec.selector).toEqual(budget.spec.selector);
    }
    expect(
      find(`Deployment ${find('ScaledObject bec-alerts-processor').spec.scaleTargetRef.name}`).spec.replicas,
    ).toBe(undefined);
  });

  it('have a trigger file that loads', async () => {
    const [container] = podOf(find('Deployment bec-alerts-watcher')).containers;
    const path: string = container.env.find(({ name }: Manifest) => name === 'TRIGGERS').value;
    const name = path.replace(/^\/etc\/bec-alerts\//, '');
    expect(Object.keys(find('ConfigMap bec-alerts-triggers').data)).toEqual([name]);
    expect(await importTriggers(`${ROOT}${FOLDER}/example/${name}`)).toHaveLength(2);
  });
});
