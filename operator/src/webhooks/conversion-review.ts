/** Conversion (apiextensions.k8s.io/v1): every object of a review in the version that is asked for, or why one cannot be. */
import { convert } from '@smi-mesh/smi-crds'
import { type Fields, fieldsOf, listOf, textOf } from '../facts/read.ts'

const API_VERSION = 'apiextensions.k8s.io/v1'

/** The review that answers; a sentence instead where this is no review that can be answered. */
export function conversionAnswer(body: unknown): Fields | string {
  const review = fieldsOf(body)
  if (review['kind'] !== 'ConversionReview' || review['apiVersion'] !== API_VERSION) {
    return `A ConversionReview of ${API_VERSION} was expected, not ${textOf(review['kind'], 'nothing')} of ${textOf(review['apiVersion'], 'no version')}.`
  }
  const request = fieldsOf(review['request'])
  const uid = textOf(request['uid'])
  const wanted = textOf(request['desiredAPIVersion'])
  if (uid === '' || wanted === '') return 'The ConversionReview has no request with a uid and a desiredAPIVersion.'
  return { apiVersion: API_VERSION, kind: 'ConversionReview', response: { uid, ...converted(request, wanted) } }
}

/** "If any of the objects could not be converted, the whole is a failure" (API reference of ConversionResponse). */
function converted(request: Fields, wanted: string): Fields {
  const convertedObjects: Fields[] = []
  for (const object of listOf(request['objects'])) {
    const result = convert(object, wanted)
    if (result.kind === 'refused') {
      const { kind, metadata } = fieldsOf(object)
      const { namespace, name } = fieldsOf(metadata)
      const which = `${textOf(kind)} ${textOf(namespace)}/${textOf(name)}`
      return { result: { status: 'Failure', message: `${which}: ${result.problem.message}` } }
    }
    convertedObjects.push(result.object)
  }
  return { result: { status: 'Success' }, convertedObjects }
}
