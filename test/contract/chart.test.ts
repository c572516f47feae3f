import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { cacheDir } from '../../src/app/config/cache-dir.js'
import { SETTINGS } from '../../src/app/config/settings.js'
import { parseYaml } from '../support/yaml.js'

const CHART = fileURLToPath(new URL('../../deploy/chart', import.meta.url))
/** What go install leaves there: deploy/README.md. Without it test/unit/deploy looks at the chart's text. */
const CACHED = join(cacheDir(process.env), 'helm-3.19.2', 'helm')
const HELM = [...(process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'helm')), CACHED].find((path) =>
  existsSync(path),
)

const NEEDED = ['--set', 'livekit.url=wss://livekit.example.com', '--set', 'secret.name=keys']

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly spec: Readonly<Record<string, unknown>>
}
interface PodSpec {
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: { readonly runAsNonRoot: boolean }
  readonly containers: readonly {
    readonly args: readonly string[]
    readonly env: readonly {
      readonly name: string
      readonly value?: string
      readonly valueFrom?: { readonly secretKeyRef: { readonly name: string } }
    }[]
    readonly livenessProbe: { readonly httpGet: { readonly path: string } }
    readonly readinessProbe: { readonly httpGet: { readonly path: string } }
  }[]
}

function helm(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    execFile(HELM ?? 'helm', [...args], { maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, output: error ? stdout + stderr : stdout }),
    )
  })
}

async function template(...sets: readonly string[]): Promise<readonly Manifest[]> {
  const { code, output } = await helm(
    'template',
    'r',
    CHART,
    '--kube-version',
    '1.31.0',
    ...NEEDED,
    ...sets.flatMap((set) => ['--set', set]),
  )
  if (code !== 0) throw new Error(output)
  return output
    .split(/^---$/m)
    .map((text) => parseYaml(text) as Manifest | null)
    .filter((one): one is Manifest => one !== null)
}

const podOf = (manifests: readonly Manifest[], role: string): PodSpec => {
  const found = manifests.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith(`-${role}`))
  if (!found) throw new Error(`no deployment of ${role}`)
  return (found.spec['template'] as { readonly spec: PodSpec }).spec
}

const isMissing = HELM === undefined
if (isMissing) {
  console.warn(`no helm on the PATH, nor ${CACHED}: see deploy/README.md; how it renders the chart is not tested`)
  test('without helm the chart is at least YAML that names itself; its text is checked by test/unit/deploy', () => {
    expect(parseYaml(readFileSync(join(CHART, 'Chart.yaml'), 'utf8'))).toMatchObject({ name: 'roomscribe', apiVersion: 'v2' })
  })
}
// in CI nothing may be skipped, and set-up installs no helm
if (!isMissing || process.env['CI'] !== 'true')
  describe.skipIf(isMissing)('the chart, as helm renders it', () => {
    test('lints without a warning', async () => {
      const { code, output } = await helm('lint', CHART, '--strict', '--kube-version', '1.31.0', ...NEEDED)
      expect(`${code} ${/\[(?:WARNING|ERROR)\].*/.exec(output)?.[0] ?? ''}`).toBe('0 ')
    })

    test('has both roles with probes, budgets and networks of their own, and secrets by reference only', async () => {
      const manifests = await template()
      expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted()).toEqual([
        'Deployment r-roomscribe-bot',
        'Deployment r-roomscribe-serve',
        'NetworkPolicy r-roomscribe-bot',
        'NetworkPolicy r-roomscribe-serve',
        'PodDisruptionBudget r-roomscribe-bot',
        'PodDisruptionBudget r-roomscribe-serve',
        'Service r-roomscribe-bot',
        'Service r-roomscribe-serve',
        'ServiceAccount r-roomscribe',
      ])
      const secret = new Set<string>(
        Object.values(SETTINGS)
          .filter((setting) => setting.secret)
          .map(({ name }) => name),
      )
      const names = new Set<string>(Object.values(SETTINGS).map(({ name }) => name))
      for (const role of ['serve', 'bot']) {
        const { containers, securityContext } = podOf(manifests, role)
        expect(securityContext.runAsNonRoot).toBe(true)
        expect(containers[0]?.args).toEqual([role])
        expect([containers[0]?.livenessProbe.httpGet.path, containers[0]?.readinessProbe.httpGet.path]).toEqual(['/healthz', '/readyz'])
        const env = containers[0]?.env ?? []
        expect(new Set(env.map(({ name }) => name)).size).toBe(env.length)
        for (const { name, value, valueFrom } of env) {
          expect(names).toContain(name)
          if (secret.has(name)) expect([value, valueFrom?.secretKeyRef.name]).toEqual([undefined, 'keys'])
        }
      }
    })

    test('gives a bot the time of its drain, and its settings cannot say otherwise', async () => {
      const pod = podOf(await template('bot.shutdownSec=100', 'bot.drainSec=50', 'settings.ROOMSCRIBE_DRAIN_SEC=1'), 'bot')
      expect(pod.terminationGracePeriodSeconds).toBe(240)
      const drains = pod.containers[0]?.env.filter(({ name }) => name === 'ROOMSCRIBE_DRAIN_SEC')
      expect(drains).toEqual([{ name: 'ROOMSCRIBE_DRAIN_SEC', value: '50' }])
    })

    test('scales bots on meetings, by an HPA or by KEDA, and then says no number of its own', async () => {
      const hpa = await template('autoscaling.mode=hpa', 'bot.maxMeetings=10')
      expect(hpa.find(({ kind }) => kind === 'HorizontalPodAutoscaler')?.spec).toMatchObject({
        minReplicas: 2,
        metrics: [{ pods: { metric: { name: 'roomscribe_meetings_running' }, target: { averageValue: '7000m' } } }],
        behavior: { scaleDown: { stabilizationWindowSeconds: 900 } },
      })
      const keda = await template('autoscaling.mode=keda')
      expect(keda.find(({ kind }) => kind === 'ScaledObject')?.spec['triggers']).toMatchObject([{ metadata: { threshold: '5.6' } }])
      for (const manifests of [hpa, keda]) {
        const deployment = manifests.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith('-bot'))
        expect(deployment?.spec).not.toHaveProperty('replicas')
      }
    })

    test('renders everything that can be switched on', async () => {
      const all = await template(
        'ingress.enabled=true',
        'ingress.host=scribe.example.com',
        'ingress.tlsSecret=tls',
        'ingress.className=nginx',
        'monitoring.enabled=true',
        'monitoring.labels.release=prometheus',
        'networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.name=monitoring',
        'networkPolicy.apiFrom[0].namespaceSelector.matchLabels.name=ingress',
        'serve.nodeSelector.pool=a',
        'bot.tolerations[0].key=bots',
        'imagePullSecrets[0].name=registry',
        'podAnnotations.a=b',
        'serviceAccount.annotations.c=d',
      )
      expect(all.filter(({ kind }) => kind === 'ServiceMonitor')).toHaveLength(2)
      expect(all.find(({ kind }) => kind === 'Ingress')?.spec).toMatchObject({ ingressClassName: 'nginx', tls: [{ secretName: 'tls' }] })
      const policy = all.find(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name.endsWith('-serve'))
      expect(policy?.spec['ingress']).toMatchObject([{ ports: [{ port: 'http' }], from: [{}, {}] }])
    })

    test('refuses values that are missing, wrong or unknown', async () => {
      for (const sets of [
        [],
        [...NEEDED, '--set', 'bot.maxMeetings=17'],
        [...NEEDED, '--set', 'autoscaling.mode=on'],
        [...NEEDED, '--set', 'bots.replicas=3'],
        [...NEEDED, '--set', 'ingress.enabled=true'],
        [...NEEDED, '--set', 'settings.PATH=x'],
      ]) {
        const { code, output } = await helm('template', 'r', CHART, '--kube-version', '1.31.0', ...sets)
        expect(`${sets.join(' ')} ${code}`).toBe(`${sets.join(' ')} 1`)
        expect(output).toContain("values don't meet the specifications of the schema")
      }
    })
  })
